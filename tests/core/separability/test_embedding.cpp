// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "core/model/decoder.h"
#include "core/separability/affinities.h"
#include "core/separability/neighbours.h"
#include "core/separability/repulsion.h"
#include "core/separability/spectral_layout.h"
#include "core/separability/tsne.h"
#include "core/separability/umap.h"
#include "separability_fixtures.h"

using namespace safequant;

class TestEmbedding : public QObject {
    Q_OBJECT

private slots:
    void initTestCase();
    void neighboursAgreeWithAllPairs();
    void neighboursOfLargeNorms();
    void jointProbabilitiesAgreeWithScikitLearn();
    void fuzzyGraphAgreesWithUmapLearn();
    void curveAgreesWithUmapLearn();
    void spectralLayoutSpansTheEigenvectors();
    void spectralLayoutOfSeveralParts();
    void meshAgreesWithAllPairs_data();
    void meshAgreesWithAllPairs();
    void gradientAgreesWithDifferences();
    void tsneIsAsGoodAsOpenTsne_data();
    void tsneIsAsGoodAsOpenTsne();
    void umapIsAsGoodAsUmapLearn();
    void sameBytesForAnyThreads();
    void seedsDiffer();
    void duplicatesAndConstants();
    void fewPoints();
    void framesAndCancel();
    void tooFewPoints_data();
    void tooFewPoints();
    void throwsOnBadInput();

private:
    nlohmann::json m_reference;
    Matrix m_x;
};

namespace {

Matrix randomRows(std::size_t rows, std::size_t features, std::uint64_t seed) {
    RandomStream random(seed, "test-embedding");
    Matrix x(rows, features);
    for (float& value : x.span()) value = static_cast<float>(random.normal());
    return x;
}

double squaredDistance(const Matrix& x, std::size_t a, std::size_t b) {
    double sum = 0.0;
    for (std::size_t j = 0; j < x.cols(); ++j)
        sum += std::pow(static_cast<double>(x(a, j)) - static_cast<double>(x(b, j)), 2);
    return sum;
}

/// All other rows, nearest first.
std::vector<std::size_t> ranked(const Matrix& x, std::size_t row) {
    std::vector<std::pair<double, std::size_t>> others;
    for (std::size_t j = 0; j < x.rows(); ++j)
        if (j != row) others.emplace_back(squaredDistance(x, row, j), j);
    std::sort(others.begin(), others.end());
    std::vector<std::size_t> order;
    for (const auto& [distance, j] : others) order.push_back(j);
    return order;
}

/// Venna and Kaski 2001, as scikit-learn has it.
double trustworthiness(const Matrix& x, const Matrix& points, std::size_t k) {
    const auto n = static_cast<double>(x.rows());
    const auto size = static_cast<double>(k);
    double lost = 0.0;
    for (std::size_t i = 0; i < x.rows(); ++i) {
        const auto order = ranked(x, i);
        const auto low = ranked(points, i);
        for (std::size_t j = 0; j < k; ++j) {
            const auto rank = std::find(order.begin(), order.end(), low[j]) - order.begin() + 1;
            lost += std::max(0.0, static_cast<double>(rank) - size);
        }
    }
    return 1.0 - 2.0 / (n * size * (2.0 * n - 3.0 * size - 1.0)) * lost;
}

double valueAt(const SparseGraph& graph, std::size_t row, std::size_t column) {
    for (std::size_t e = graph.offsets[row]; e < graph.offsets[row + 1]; ++e)
        if (graph.columns[e] == column) return static_cast<double>(graph.values[e]);
    return 0.0;
}

/// Largest difference from the reference's upper triangle, both triangles looked at; the reference must hold every
/// entry.
double largestDifference(const SparseGraph& graph, const nlohmann::json& triangle) {
    double largest = 0.0;
    double sum = 0.0;
    for (std::size_t e = 0; e < triangle["rows"].size(); ++e) {
        const auto row = triangle["rows"][e].get<std::size_t>();
        const auto column = triangle["columns"][e].get<std::size_t>();
        const double value = triangle["values"][e].get<double>();
        sum += 2.0 * value;
        largest = std::max(
            {largest, std::abs(valueAt(graph, row, column) - value), std::abs(valueAt(graph, column, row) - value)});
    }
    const double ours = std::accumulate(graph.values.begin(), graph.values.end(), 0.0);
    return std::max(largest, std::abs(ours - sum) / static_cast<double>(graph.edges()));
}

bool sameBytes(const Matrix& a, const Matrix& b) {
    return a.size() == b.size() && std::equal(a.span().begin(), a.span().end(), b.data());
}

bool allFinite(const Matrix& points) {
    return std::all_of(points.span().begin(), points.span().end(), [](float value) { return std::isfinite(value); });
}

}  // namespace

void TestEmbedding::initTestCase() {
    std::ifstream file(std::string(SAFEQUANT_TEST_DATA) + "/separability/embeddings.json");
    m_reference = nlohmann::json::parse(file);
    m_x = matrixOf(m_reference["x"]);
}

void TestEmbedding::neighboursAgreeWithAllPairs() {
    // More rows than a block of either kind, so that every seam is crossed.
    const auto x = randomRows(1300, 19, 1);
    const auto lists = nearestNeighbours(x, 20);
    for (std::size_t i = 0; i < x.rows(); i += 13) {
        const auto order = ranked(x, i);
        for (std::size_t j = 0; j < 20; ++j) {
            QCOMPARE(std::size_t(lists.indices[i * 20 + j]), order[j]);
            QVERIFY(std::abs(double(lists.squared[i * 20 + j]) - squaredDistance(x, i, order[j])) <
                    1e-5 * squaredDistance(x, i, order[j]));
        }
    }
}

void TestEmbedding::neighboursOfLargeNorms() {
    // A residual stream's outlier feature: norms a thousand times the distances.
    auto x = randomRows(300, 24, 2);
    for (std::size_t i = 0; i < x.rows(); ++i) x(i, 7) = 3000.0F + (i % 2 == 0 ? 400.0F : -400.0F) + x(i, 7);
    const auto lists = nearestNeighbours(x, 10);
    for (std::size_t i = 0; i < x.rows(); ++i) {
        const auto order = ranked(x, i);
        for (std::size_t j = 0; j < 10; ++j) QCOMPARE(std::size_t(lists.indices[i * 10 + j]), order[j]);
    }
}

void TestEmbedding::jointProbabilitiesAgreeWithScikitLearn() {
    const double perplexity = m_reference["perplexity"].get<double>();
    const auto lists = nearestNeighbours(m_x, static_cast<std::size_t>(3 * perplexity) + 1);
    const auto p = jointProbabilities(lists, perplexity);
    // P is about 3e-4 where it counts; both searches end within 1e-5 of the entropy.
    QVERIFY2(largestDifference(p, m_reference["p"]) < 1e-6,
             qPrintable(QString::number(largestDifference(p, m_reference["p"]))));
    QVERIFY(std::abs(std::accumulate(p.values.begin(), p.values.end(), 0.0) - 1.0) < 1e-5);
}

void TestEmbedding::fuzzyGraphAgreesWithUmapLearn() {
    const auto lists = nearestNeighbours(m_x, m_reference["neighbours"].get<std::size_t>() - 1);
    const auto graph = fuzzyGraph(lists);
    QVERIFY2(largestDifference(graph, m_reference["fuzzy"]) < 1e-5,
             qPrintable(QString::number(largestDifference(graph, m_reference["fuzzy"]))));
}

void TestEmbedding::curveAgreesWithUmapLearn() {
    for (const auto& curve : m_reference["curves"]) {
        const auto [a, b] = fitUmapCurve(curve[0].get<double>(), curve[1].get<double>());
        QVERIFY(std::abs(a - curve[2].get<double>()) < 1e-4);
        QVERIFY(std::abs(b - curve[3].get<double>()) < 1e-4);
    }
}

void TestEmbedding::spectralLayoutSpansTheEigenvectors() {
    const auto lists = nearestNeighbours(m_x, m_reference["neighbours"].get<std::size_t>() - 1);
    const auto layout = spectralLayout(fuzzyGraph(lists), m_x, 3);
    for (std::size_t axis = 0; axis < 2; ++axis) {
        double ab = 0.0, aa = 0.0, bb = 0.0;
        for (std::size_t i = 0; i < m_x.rows(); ++i) {
            const double a = double(layout(i, axis));
            const double b = m_reference["eigenvectors"][axis][i].get<double>();
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        // Lanczos ends at a residual of 1e-4 and 1e-4 of noise are added to coordinates of up to 10.
        QVERIFY2(std::abs(ab) / std::sqrt(aa * bb) > 0.9999,
                 qPrintable(QString::number(std::abs(ab) / std::sqrt(aa * bb), 'g', 8)));
    }
}

void TestEmbedding::spectralLayoutOfSeveralParts() {
    for (const std::size_t parts : {std::size_t{2}, std::size_t{4}, std::size_t{7}}) {
        auto x = randomRows(20 * parts, 6, parts);
        for (std::size_t i = 0; i < x.rows(); ++i)
            x(i, i % parts % 6) += 100.0F * static_cast<float>(1 + i % parts / 6);
        const auto graph = fuzzyGraph(nearestNeighbours(x, 7));
        const auto partOf = connectedParts(graph);
        QCOMPARE(std::size_t(*std::max_element(partOf.begin(), partOf.end())) + 1, parts);
        const auto layout = spectralLayout(graph, x, 5);
        QVERIFY(allFinite(layout));
        // Every part stays nearer to its own middle than to another's.
        std::vector<double> middle(2 * parts, 0.0);
        for (std::size_t i = 0; i < x.rows(); ++i)
            for (std::size_t c = 0; c < 2; ++c) middle[2 * partOf[i] + c] += double(layout(i, c)) / 20.0;
        for (std::size_t i = 0; i < x.rows(); ++i) {
            const auto distance = [&](std::size_t p) {
                return std::hypot(double(layout(i, 0)) - middle[2 * p], double(layout(i, 1)) - middle[2 * p + 1]);
            };
            for (std::size_t p = 0; p < parts; ++p) QVERIFY(p == partOf[i] || distance(partOf[i]) < 1.5 * distance(p));
        }
    }
}

void TestEmbedding::meshAgreesWithAllPairs_data() {
    QTest::addColumn<double>("spread");
    QTest::addColumn<double>("tolerance");
    // The further apart the points, the more of a force comes from close pairs, which the grid resolves least.
    for (const auto& [spread, tolerance] :
         {std::pair{1e-4, 1e-2}, {0.3, 5e-3}, {3.0, 5e-3}, {20.0, 1e-2}, {60.0, 3e-2}, {400.0, 1e-6}})
        QTest::addRow("deviation %g", spread) << spread << tolerance;
}

void TestEmbedding::meshAgreesWithAllPairs() {
    QFETCH(double, spread);
    QFETCH(double, tolerance);
    auto points = randomRows(1500, 2, 9);
    for (float& value : points.span()) value *= static_cast<float>(spread);
    std::vector<float> exact(points.size()), mesh(points.size());
    const double exactTotal = exactRepulsion(points.span(), exact);
    MeshRepulsion repulsion;
    const double meshTotal = repulsion(points.span(), mesh);
    double difference = 0.0, size = 0.0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        difference += std::pow(double(exact[i]) - double(mesh[i]), 2);
        size += std::pow(double(exact[i]), 2);
    }
    const QString found =
        QStringLiteral("forces %1, sum %2").arg(std::sqrt(difference / size)).arg(meshTotal / exactTotal - 1.0);
    QVERIFY2(std::sqrt(difference / size) < tolerance, qPrintable(found));
    QVERIFY2(std::abs(meshTotal / exactTotal - 1.0) < tolerance, qPrintable(found));
}

void TestEmbedding::gradientAgreesWithDifferences() {
    const auto p = jointProbabilities(nearestNeighbours(m_x, 25), 8.0);
    auto points = randomRows(m_x.rows(), 2, 4);
    std::vector<float> gradient(points.size());
    const double divergence = tsneGradient(p, points.span(), 1.0, true, gradient);
    // The divergence by its definition.
    const auto define = [&](const Matrix& y) {
        double total = 0.0;
        for (std::size_t i = 0; i < y.rows(); ++i)
            for (std::size_t j = 0; j < y.rows(); ++j)
                if (i != j) total += 1.0 / (1.0 + squaredDistance(y, i, j));
        double sum = 0.0;
        for (std::size_t i = 0; i < y.rows(); ++i)
            for (std::size_t e = p.offsets[i]; e < p.offsets[i + 1]; ++e)
                sum += double(p.values[e]) *
                       std::log(double(p.values[e]) * total * (1.0 + squaredDistance(y, i, p.columns[e])));
        return sum;
    };
    QVERIFY(std::abs(divergence - define(points)) < 1e-5);
    for (const std::size_t c : {std::size_t{0}, std::size_t{7}, std::size_t{100}, std::size_t{319}}) {
        const float step = 1e-2F;
        const float before = points.data()[c];
        points.data()[c] = before + step;
        const double more = define(points);
        points.data()[c] = before - step;
        const double less = define(points);
        points.data()[c] = before;
        const double numeric = (more - less) / (2.0 * double(step));
        QVERIFY2(std::abs(4.0 * double(gradient[c]) - numeric) < 1e-3 * std::abs(numeric) + 1e-6,
                 qPrintable(QStringLiteral("%1 %2").arg(4.0 * double(gradient[c])).arg(numeric)));
    }
}

void TestEmbedding::tsneIsAsGoodAsOpenTsne_data() {
    QTest::addColumn<bool>("mesh");
    QTest::newRow("all pairs") << false;
    QTest::newRow("mesh") << true;
}

void TestEmbedding::tsneIsAsGoodAsOpenTsne() {
    QFETCH(bool, mesh);
    TsneOptions options;
    options.perplexity = m_reference["perplexity"].get<double>();
    options.repulsion = mesh ? TsneOptions::Repulsion::Mesh : TsneOptions::Repulsion::Exact;
    const auto result = embedTsne(m_x, options);
    QVERIFY(result);
    const double trust = trustworthiness(m_x, result->points, 15);
    QVERIFY2(trust > m_reference["tsne_trustworthiness"].get<double>() - 0.005, qPrintable(QString::number(trust)));
    QVERIFY2(result->divergence < 1.02 * m_reference["tsne_divergence"].get<double>(),
             qPrintable(QString::number(result->divergence)));
}

void TestEmbedding::umapIsAsGoodAsUmapLearn() {
    double trust = 0.0;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        UmapOptions options;
        options.seed = seed;
        const auto result = embedUmap(m_x, options);
        QVERIFY(result);
        trust += trustworthiness(m_x, result->points, 15) / 5.0;
    }
    QVERIFY2(trust > m_reference["umap_trustworthiness"].get<double>() - 0.005, qPrintable(QString::number(trust)));
}

void TestEmbedding::sameBytesForAnyThreads() {
    const auto x = randomRows(700, 12, 3);
    const int before = threadCount();
    TsneOptions mesh;
    mesh.repulsion = TsneOptions::Repulsion::Mesh;
    mesh.exaggeratedSteps = mesh.steps = 20;
    UmapOptions umap;
    umap.epochs = 30;
    std::vector<Matrix> results[2];
    for (int round = 0; round < 2; ++round) {
        setThreadCount(round == 0 ? 1 : 3);
        results[round].push_back(std::move(embedTsne(x, mesh)->points));
        results[round].push_back(std::move(embedUmap(x, umap)->points));
    }
    setThreadCount(before);
    for (std::size_t i = 0; i < results[0].size(); ++i) QVERIFY(sameBytes(results[0][i], results[1][i]));
}

void TestEmbedding::seedsDiffer() {
    UmapOptions options;
    options.epochs = 10;
    const auto first = embedUmap(m_x, options);
    options.seed = 1;
    const auto second = embedUmap(m_x, options);
    QVERIFY(!sameBytes(first->points, second->points));
}

void TestEmbedding::duplicatesAndConstants() {
    // More copies of one point than its neighbours, beside constant features; and nothing but one point.
    auto x = randomRows(120, 5, 6);
    for (std::size_t i = 0; i < 60; ++i) std::copy_n(x.row(0), 5, x.row(i));
    for (std::size_t i = 0; i < x.rows(); ++i) x(i, 2) = -4.0F;
    Matrix same = randomRows(60, 5, 7);
    for (std::size_t i = 0; i < same.rows(); ++i) std::copy_n(same.row(0), 5, same.row(i));
    for (const Matrix* rows : {&x, &same}) {
        TsneOptions tsne;
        tsne.perplexity = 10.0;
        const auto first = embedTsne(*rows, tsne);
        QVERIFY(first);
        QVERIFY(allFinite(first->points));
        const auto second = embedUmap(*rows);
        QVERIFY(second);
        QVERIFY(allFinite(second->points));
    }
}

void TestEmbedding::fewPoints() {
    for (const std::size_t n : {std::size_t{5}, std::size_t{9}}) {
        const auto x = randomRows(n, 7, n);
        TsneOptions tsne;
        tsne.perplexity = 1.0;
        const auto first = embedTsne(x, tsne);
        QVERIFY(first);
        QVERIFY(allFinite(first->points));
        UmapOptions umap;
        umap.neighbours = 3;
        const auto second = embedUmap(x, umap);
        QVERIFY(second);
        QVERIFY(allFinite(second->points));
    }
}

void TestEmbedding::framesAndCancel() {
    for (const bool tsne : {true, false}) {
        TsneOptions tsneOptions;
        tsneOptions.perplexity = 8.0;
        std::stop_source source;
        int frames = 0;
        EmbeddingWatch watch;
        watch.stop = source.get_token();
        watch.frame = [&](const EmbeddingFrame& frame) {
            ++frames;
            QCOMPARE(frame.step, frames);
            QCOMPARE(frame.points.size(), 2 * m_x.rows());
            if (frames == 40) source.request_stop();
        };
        const auto run = [&] { return tsne ? embedTsne(m_x, tsneOptions, watch) : embedUmap(m_x, {}, watch); };
        auto result = run();
        QVERIFY(!result);
        QCOMPARE(result.error().kind, ErrorKind::Cancelled);
        QCOMPARE(frames, 40);
        // Stopped before it begins: not one step.
        frames = 0;
        result = run();
        QVERIFY(!result);
        QCOMPARE(result.error().kind, ErrorKind::Cancelled);
        QCOMPARE(frames, 0);
    }
}

void TestEmbedding::tooFewPoints_data() {
    QTest::addColumn<int>("points");
    QTest::addColumn<double>("perplexity");
    QTest::addColumn<int>("neighbours");
    QTest::addColumn<QString>("tsne");
    QTest::addColumn<QString>("umap");
    QTest::newRow("perplexity of the default") << 91 << 30.0 << 92 << "Choose at most 29."
                                               << "Choose at most 91.";
    QTest::newRow("just enough is named") << 10 << 5.0 << 11 << "Choose at most 2."
                                          << "Choose at most 10.";
    QTest::newRow("four points") << 4 << 1.0 << 15 << "use PCA"
                                 << "Choose at most 4.";
    QTest::newRow("two points") << 2 << 1.0 << 2 << "use PCA"
                                << "at least 3 points";
}

void TestEmbedding::tooFewPoints() {
    QFETCH(int, points);
    QFETCH(double, perplexity);
    QFETCH(int, neighbours);
    QFETCH(QString, tsne);
    QFETCH(QString, umap);
    const auto x = randomRows(static_cast<std::size_t>(points), 4, 8);
    TsneOptions tsneOptions;
    tsneOptions.perplexity = perplexity;
    const auto first = embedTsne(x, tsneOptions);
    QVERIFY(!first);
    QCOMPARE(first.error().kind, ErrorKind::BadInput);
    QVERIFY2(QString::fromStdString(first.error().message).contains(tsne), first.error().message.c_str());
    UmapOptions umapOptions;
    umapOptions.neighbours = neighbours;
    const auto second = embedUmap(x, umapOptions);
    QVERIFY(!second);
    QVERIFY2(QString::fromStdString(second.error().message).contains(umap), second.error().message.c_str());
    // What the message recommends works.
    static const QRegularExpression number(QStringLiteral("at most (\\d+)"));
    if (const auto match = number.match(QString::fromStdString(first.error().message)); match.hasMatch()) {
        tsneOptions.perplexity = match.captured(1).toDouble();
        tsneOptions.exaggeratedSteps = tsneOptions.steps = 1;
        QVERIFY(embedTsne(x, tsneOptions));
    }
    if (const auto match = number.match(QString::fromStdString(second.error().message)); match.hasMatch()) {
        umapOptions.neighbours = match.captured(1).toInt();
        umapOptions.epochs = 1;
        QVERIFY(embedUmap(x, umapOptions));
    }
}

void TestEmbedding::throwsOnBadInput() {
    auto x = randomRows(120, 4, 10);
    x(60, 2) = std::numeric_limits<float>::quiet_NaN();
    QVERIFY_EXCEPTION_THROWN(embedTsne(x), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(embedUmap(x), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(nearestNeighbours(m_x, 0), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(nearestNeighbours(m_x, m_x.rows()), std::invalid_argument);
    TsneOptions tsne;
    tsne.perplexity = std::numeric_limits<double>::quiet_NaN();
    QVERIFY_EXCEPTION_THROWN(embedTsne(m_x, tsne), std::invalid_argument);
    UmapOptions umap;
    umap.minDistance = 2.0;
    QVERIFY_EXCEPTION_THROWN(embedUmap(m_x, umap), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(FourierBatch(14), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(PlaneConvolution::sideFor(2049), std::invalid_argument);
}

QTEST_GUILESS_MAIN(TestEmbedding)
#include "test_embedding.moc"
