// SPDX-License-Identifier: GPL-3.0-or-later
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "core/separability/tsne.h"
#include "core/separability/umap.h"

namespace {

using namespace safequant;

/// Of all threads.
double processorSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double secondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Rows as `tests/references/check_projections.py` writes them: two int32 (rows, columns), then float32.
Matrix readRows(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::int32_t shape[2] = {0, 0};
    file.read(reinterpret_cast<char*>(shape), sizeof(shape));
    if (!file || shape[0] < 1 || shape[1] < 1) return {};
    Matrix x(static_cast<std::size_t>(shape[0]), static_cast<std::size_t>(shape[1]));
    file.read(reinterpret_cast<char*>(x.data()), static_cast<std::streamsize>(x.size() * sizeof(float)));
    return file ? std::move(x) : Matrix{};
}

}  // namespace

/// bench_projections ROWS METHOD SEED POINTS: embeds the rows of a file by "tsne" or "umap", writes float32 points and
/// prints the seconds, reading left out, as JSON. The peers' times come from check_projections.py, which calls this
/// program in the same run.
int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: bench_projections ROWS tsne|umap SEED POINTS\n");
        return 2;
    }
    const Matrix x = readRows(argv[1]);
    if (x.empty()) {
        std::fprintf(stderr, "error: %s holds no rows\n", argv[1]);
        return 3;
    }
    const double processorStart = processorSeconds();
    const auto start = std::chrono::steady_clock::now();
    Expected<Embedding> result = fail(ErrorKind::BadInput, "The method is tsne or umap.", argv[2]);
    if (std::strcmp(argv[2], "tsne") == 0) result = embedTsne(x);
    if (std::strcmp(argv[2], "umap") == 0) {
        UmapOptions options;
        options.seed = std::strtoull(argv[3], nullptr, 10);
        result = embedUmap(x, options);
    }
    const double seconds = secondsSince(start);
    const double processor = processorSeconds() - processorStart;
    if (!result) {
        std::fprintf(stderr, "error: %s\n", result.error().describe().c_str());
        return 3;
    }
    std::ofstream(argv[4], std::ios::binary)
        .write(reinterpret_cast<const char*>(result->points.data()),
               static_cast<std::streamsize>(result->points.size() * sizeof(float)));
    std::printf("{\"method\": \"%s\", \"rows\": %zu, \"columns\": %zu, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"divergence\": %.5f}\n", argv[2],
                x.rows(), x.cols(), seconds, processor, result->divergence);
    return 0;
}
