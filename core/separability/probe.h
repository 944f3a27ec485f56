// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/matrix.h"
#include "core/base/progress.h"
#include "core/base/statistics.h"

namespace safequant {

/// Result of one L1-penalised logistic regression:
/// min ||w||_1 + C sum_i log(1 + exp(-t_i (w.x_i + b))), t = +-1, intercept unpenalised (scikit-learn's objective).
struct LogisticFit {
    std::vector<double> weights;  ///< `[features]`.
    double intercept = 0.0;
    double objective = 0.0;
    double relativeGap = 0.0;     ///< Duality gap over objective when the solver stopped.
    int iterations = 0;
    int nonZeros = 0;
};

struct LogisticOptions {
    double c = 1.0;
    double tolerance = 1e-8;      ///< Relative duality gap.
    int maxIterations = 10000;
};

/// Solves for one C. `x` is `[n, features]`, used as it is; `positive[i]` is t_i = +1. `warm` may be null.
/// Throws std::invalid_argument on empty or one-class data or non-finite features.
LogisticFit fitSparseLogistic(const Matrix& x, const std::vector<bool>& positive, const LogisticOptions& options,
                              const LogisticFit* warm = nullptr);

/// Smallest C at which a weight is not zero: 1 / max_j |X_j^T (y - ybar)|.
double smallestActiveC(const Matrix& x, const std::vector<bool>& positive);

struct ProbeOptions {
    int folds = 5;
    int pathLength = 50;          ///< Penalties, log-spaced from lambda_max to lambdaRatio * lambda_max.
    double lambdaRatio = 0.01;
    std::uint64_t seed = 0;       ///< Of the folds.
    bool oneStandardError = true; ///< lambda_1se; otherwise lambda_min.
    double fixedC = 0.0;          ///< > 0: no cross-validation, this C on standardised features.
};

/// A fitted sparse logistic regression probe in raw feature units.
struct Probe {
    std::vector<float> weights;   ///< `[features]`, raw units.
    double intercept = 0.0;
    double c = 0.0;               ///< Chosen C, on standardised features.
    int nonZeros = 0;
    std::vector<double> pathC;          ///< Penalties tried.
    std::vector<double> pathDeviance;   ///< Mean held-out deviance of each.
    std::vector<double> pathError;      ///< Standard error over folds of each.

    double score(std::span<const float> features) const;  ///< Log-odds of malicious.
};

/// Fits a probe on rows of `x`: standardised inside every fold (mean and sd with 1/n, constant columns dropped), folds
/// stratified by label and grouped by cluster, a path of penalties with warm starts, refitted on all rows at the chosen one.
/// Penalties are shared as lambda = 1 / (C n), n the rows fitted on, so a fold of n_f rows is fitted at C n / n_f; deviances are
/// averaged over folds by their rows, as glmnet does. When no feature varies, the probe is its intercept alone, with c 0.
/// Throws std::invalid_argument as above, on senseless options, and when a class lies in one cluster (no fold could train on it).
/// Cancelled: empty weights.
Probe fitProbe(const Matrix& x, const std::vector<bool>& positive, std::span<const int> clusters, const ProbeOptions& options,
               const std::stop_token& stop = {});

/// What is reported of a probe on held-out prompts.
struct ProbeScores {
    Rate accuracy;                ///< At log-odds 0, malicious against ordinary benign.
    Interval accuracyBootstrap;   ///< By clusters.
    double auc = 0.5;
    Interval aucInterval;
    Rate hardBenign;              ///< Share of hard benign prompts on the benign side.
    double meanLogitMalicious = 0.0, meanLogitBenign = 0.0, meanLogitHardBenign = 0.0;
    std::vector<float> logits;    ///< Of every row given.
};

/// Labels per row: 1 malicious, 0 benign, 2 hard benign.
ProbeScores scoreProbe(const Probe& probe, const Matrix& x, std::span<const int> labels, std::span<const int> clusters,
                       std::uint64_t seed);

/// The same of log-odds known already.
ProbeScores scoreLogits(std::vector<float> logits, std::span<const int> labels, std::span<const int> clusters, std::uint64_t seed);

/// Stratified folds that keep clusters whole: fold of every row.
std::vector<int> stratifiedGroupFolds(const std::vector<bool>& positive, std::span<const int> clusters, int folds,
                                      std::uint64_t seed);

}  // namespace safequant
