// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/replaced_checkpoint.h"

#include <cstring>
#include <utility>
#include <vector>

namespace safequant {
namespace {

class ReplacedCheckpoint final : public Checkpoint {
public:
    ReplacedCheckpoint(std::shared_ptr<const Checkpoint> base, std::unordered_map<std::string, ReplacedTensor> changes)
        : m_base(std::move(base)), m_tensors(m_base->tensors()), m_changes(std::move(changes)) {}

    Expected<void> finish() {
        for (TensorInfo& info : m_tensors) {
            m_index[info.name] = &info;
            const auto changed = m_changes.find(info.name);
            if (changed == m_changes.end()) continue;
            std::uint64_t values = 1;
            for (const std::int64_t size : info.shape) values *= static_cast<std::uint64_t>(size);
            if (values * sizeof(float) != changed->second.values.size())
                return fail(ErrorKind::BadInput, "The tensor \"" + info.name + "\" has another size than the checkpoint's.", changed->second.file);
            info.storedType = "F32";
            info.bytes = changed->second.values.size();
            info.file = changed->second.file;
        }
        return {};
    }

    const std::string& path() const override { return m_base->path(); }
    const std::string& format() const override { return m_base->format(); }
    const DecoderConfig& config() const override { return m_base->config(); }
    const TokenizerSource& tokenizerSource() const override { return m_base->tokenizerSource(); }
    const std::vector<TensorInfo>& tensors() const override { return m_tensors; }
    std::vector<std::string> files() const override { return m_base->files(); }
    nlohmann::json configJson() const override { return m_base->configJson(); }
    nlohmann::json metadata() const override { return m_base->metadata(); }
    const TensorInfo* find(const std::string& name) const override {
        const auto found = m_index.find(name);
        return found != m_index.end() ? found->second : nullptr;
    }
    Expected<void> read(const std::string& name, std::span<float> out) const override {
        const auto changed = m_changes.find(name);
        if (changed == m_changes.end()) return m_base->read(name, out);
        return copy(changed->second, 0, out);
    }
    Expected<void> readRows(const std::string& name, std::int64_t firstRow, std::int64_t rows, std::span<float> out) const override {
        const auto changed = m_changes.find(name);
        if (changed == m_changes.end()) return m_base->readRows(name, firstRow, rows, out);
        const std::size_t columns = rows > 0 ? out.size() / static_cast<std::size_t>(rows) : 0;
        return copy(changed->second, static_cast<std::size_t>(firstRow) * columns * sizeof(float), out);
    }
    Expected<std::optional<IntegerWeight>> readIntegers(const std::string& name) const override {
        if (m_changes.contains(name)) return std::optional<IntegerWeight>();
        return m_base->readIntegers(name);
    }

private:
    static Expected<void> copy(const ReplacedTensor& tensor, std::size_t begin, std::span<float> out) {
        if (begin + out.size_bytes() > tensor.values.size()) return fail(ErrorKind::BadInput, "A tensor is shorter than asked.", tensor.file);
        std::memcpy(out.data(), tensor.values.data() + begin, out.size_bytes());
        return {};
    }

    std::shared_ptr<const Checkpoint> m_base;
    std::vector<TensorInfo> m_tensors;
    std::unordered_map<std::string, const TensorInfo*> m_index;
    std::unordered_map<std::string, ReplacedTensor> m_changes;
};

}  // namespace

Expected<std::shared_ptr<const Checkpoint>> replaceTensors(std::shared_ptr<const Checkpoint> base, std::unordered_map<std::string, ReplacedTensor> changes) {
    auto checkpoint = std::make_shared<ReplacedCheckpoint>(std::move(base), std::move(changes));
    if (auto finished = checkpoint->finish(); !finished) return fail(finished.error());
    return checkpoint;
}

}  // namespace safequant
