// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/optimizer_state.h"

#include <utility>

namespace safequant {
namespace {

std::vector<NamedTensor> stateTensors(const AdamW& optimizer, std::span<const std::string> names, at::Tensor counts) {
    std::vector<NamedTensor> tensors{{"counts", std::move(counts)}};
    for (std::size_t i = 0; i < names.size(); ++i) {
        tensors.push_back({names[i], optimizer.parameters()[i].detach()});
        tensors.push_back({names[i] + ".first_moment", optimizer.firstMoments()[i]});
        tensors.push_back({names[i] + ".second_moment", optimizer.secondMoments()[i]});
    }
    return tensors;
}

}  // namespace

Expected<void> saveOptimizer(const std::string& path, const AdamW& optimizer, std::span<const std::string> names,
                             std::vector<std::int64_t> counts, std::vector<NamedTensor> more) {
    counts.insert(counts.end(), optimizer.steps().begin(), optimizer.steps().end());
    std::vector<NamedTensor> tensors = stateTensors(optimizer, names, at::tensor(counts, at::kLong));
    for (NamedTensor& named : more) tensors.push_back(std::move(named));
    return writeTensorFile(path, tensors);
}

Expected<std::vector<std::int64_t>> restoreOptimizer(const TensorFile& file, AdamW& optimizer, std::span<const std::string> names,
                                                     std::size_t size) {
    at::Tensor counts = at::zeros({static_cast<std::int64_t>(size + optimizer.steps().size())}, at::kLong);
    for (const NamedTensor& named : stateTensors(optimizer, names, counts))
        if (auto read = file.read(named.name, named.tensor); !read) return fail(read.error());
    const auto* values = counts.data_ptr<std::int64_t>();
    optimizer.restore({values + size, values + counts.numel()}, optimizer.firstMoments(), optimizer.secondMoments());
    return std::vector<std::int64_t>(values, values + size);
}

}  // namespace safequant
