// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/gguf_export.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <map>

#include "core/base/files.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/family.h"
#include "core/exporting/export_files.h"
#include "core/exporting/export_layout.h"
#include "core/exporting/gguf_grid.h"
#include "core/exporting/gguf_metadata.h"
#include "core/exporting/gguf_writer.h"
#include "core/exporting/target_folder.h"
#include "safequant_version.h"

namespace safequant {
namespace {

constexpr std::uint64_t kGgufHeaderRoom = 1 << 20;
constexpr std::uint32_t kQuantizationVersion = 2;

/// A tensor of the file: one of the model's, or several that it holds fused.
struct FileTensor {
    std::vector<DecoderTensor> parts;
    std::vector<const LinearPlan*> plans;  ///< One a part; null: not quantized.
    GgufTensorToWrite written;

    bool quantized() const { return plans.front() != nullptr; }
};

/// Row r of a GGUF file is row sourceRow(r) of the model: llama.cpp interleaves the halves of rotary heads.
std::size_t sourceRow(const DecoderTensor& tensor, std::size_t row) {
    if (tensor.rotaryHeads == 0) return row;
    const std::size_t width =
        static_cast<std::size_t>(tensor.shape.front()) / static_cast<std::size_t>(tensor.rotaryHeads);
    const std::size_t within = row % width;
    return row - within + within / 2 + within % 2 * (width / 2);
}

template <typename T>
std::vector<T> reorderedRows(const DecoderTensor& tensor, std::span<const T> values) {
    const auto rows = static_cast<std::size_t>(tensor.shape.front());
    const std::size_t cols = values.size() / rows;
    std::vector<T> out(values.size());
    for (std::size_t r = 0; r < rows; ++r)
        std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(sourceRow(tensor, r) * cols), cols,
                    out.begin() + static_cast<std::ptrdiff_t>(r * cols));
    return out;
}

QuantizedLinear inFileOrder(const DecoderTensor& tensor, QuantizedLinear linear) {
    if (tensor.rotaryHeads == 0) return linear;
    linear.codes = reorderedRows<std::int8_t>(tensor, linear.codes);
    linear.scales = reorderedRows<float>(tensor, linear.scales);
    if (!linear.zeros.empty()) linear.zeros = reorderedRows<std::int8_t>(tensor, linear.zeros);
    return linear;
}

/// Without a type among the options, the stored one where this writer has it; whether Q8_0 keeps every value, values tell.
const StorageType* plainType(const DecoderTensor& tensor, const std::string& storedType, const GgufOptions& options) {
    if (tensor.shape.size() < 2) return storageTypeNamed("F32");
    if (options.plainType.empty()) {
        const bool kept = storedType == "F16" || storedType == "BF16" || storedType == "Q8_0";
        return storageTypeNamed(kept ? storedType : "F32");
    }
    if (options.plainType == "Q8_0" && tensor.shape.back() % 32 != 0) return storageTypeNamed("F16");
    return storageTypeNamed(options.plainType);
}

const LinearPlan* planOf(const std::vector<LinearPlan>& plan, const DecoderTensor& tensor) {
    if (tensor.kind != TensorKind::Weight) return nullptr;
    const auto found = std::ranges::find_if(
        plan, [&](const LinearPlan& p) { return p.block == tensor.block && p.role == tensor.role; });
    return found != plan.end() && found->quantized() ? &*found : nullptr;
}

/// The model's tensors as the file holds them; types of quantized ones are still open.
std::vector<FileTensor> fileTensors(const DecoderConfig& config, const std::vector<LinearPlan>& plan) {
    std::vector<FileTensor> tensors;
    std::map<std::string, std::size_t> places;
    for (DecoderTensor& tensor : decoderTensors(config)) {
        const auto [place, isNew] = places.emplace(tensor.ggufName, tensors.size());
        if (isNew) tensors.push_back({{}, {}, {tensor.ggufName, tensor.shape, nullptr}});
        FileTensor& target = tensors[place->second];
        if (!isNew) target.written.shape.front() += tensor.shape.front();
        target.plans.push_back(planOf(plan, tensor));
        target.parts.push_back(std::move(tensor));
    }
    return tensors;
}

/// The block type that holds most grids of a scheme.
const char* usualType(const QuantizationScheme& scheme) {
    if (scheme.weightBits <= 4 && scheme.symmetric) return "Q4_0";
    return scheme.weightBits <= 4 || (scheme.weightBits == 5 && scheme.symmetric) ? "Q5_0" : "Q8_0";
}

class GgufExport {
public:
    GgufExport(const Checkpoint& checkpoint, const std::vector<LinearPlan>& plan, const QuantizedSource& quantized,
               const Progress& progress, const GgufOptions& options)
        : m_checkpoint(checkpoint),
          m_quantized(quantized),
          m_progress(progress),
          m_options(options),
          m_tensors(fileTensors(checkpoint.config(), plan)) {}

    /// Finds the type of every tensor.
    Expected<void> choose() {
        for (FileTensor& tensor : m_tensors) {
            if (auto told = step(); !told) return told;
            const auto chosen = tensor.quantized() ? gridType(tensor) : denseType(tensor);
            if (!chosen) return fail(chosen.error());
            tensor.written.type = *chosen;
        }
        for (const RopeTensor& tensor : ggufRopeTensors(m_checkpoint.config()))
            m_ropes.push_back(
                {tensor.name, {static_cast<std::int64_t>(tensor.values.size())}, storageTypeNamed("F32")});
        return {};
    }

    std::vector<GgufTensorToWrite> announced() const {
        std::vector<GgufTensorToWrite> all;
        for (const FileTensor& tensor : m_tensors) all.push_back(tensor.written);
        all.insert(all.end(), m_ropes.begin(), m_ropes.end());
        return all;
    }

    /// llama.cpp's number for "mostly this type".
    std::uint32_t fileType() const {
        static const std::map<std::string_view, std::uint32_t> kNumbers = {
            {"F32", 0}, {"F16", 1}, {"Q4_0", 2}, {"Q4_1", 3}, {"Q8_0", 7}, {"Q5_0", 8}, {"Q4_K", 14}, {"BF16", 32}};
        std::map<std::string_view, std::uint64_t> bytes;
        for (const FileTensor& tensor : m_tensors)
            if (tensor.parts.front().kind == TensorKind::Weight)
                bytes[tensor.written.type->name] += tensor.written.bytes();
        const auto most = std::ranges::max_element(bytes, {}, [](const auto& entry) { return entry.second; });
        return kNumbers.at(most->first);
    }

    Expected<void> write(GgufWriter& writer) {
        for (const FileTensor& tensor : m_tensors) {
            if (auto told = step(); !told) return told;
            for (std::size_t i = 0; i < tensor.parts.size(); ++i) {
                auto done =
                    tensor.quantized() ? writeGrid(writer, tensor, i) : writeDense(writer, tensor, tensor.parts[i]);
                if (!done) return done;
            }
        }
        for (const RopeTensor& tensor : ggufRopeTensors(m_checkpoint.config()))
            if (auto done = writer.append(encodeRows(tensor.values, tensor.values.size(), *storageTypeNamed("F32")));
                !done)
                return done;
        return {};
    }

    Expected<void> compare(const Checkpoint& reloaded) {
        for (const FileTensor& tensor : m_tensors) {
            if (auto told = step(); !told) return told;
            for (std::size_t i = 0; i < tensor.parts.size(); ++i) {
                auto done = tensor.quantized() ? compareGrid(reloaded, tensor, i)
                                               : compareDense(reloaded, tensor, tensor.parts[i]);
                if (!done) return done;
            }
        }
        return {};
    }

    std::uint64_t bytes() const {
        std::uint64_t total = kGgufHeaderRoom;
        for (const GgufTensorToWrite& tensor : announced()) total += tensor.bytes();
        return total;
    }

private:
    Expected<void> step() {
        if (m_progress.stopRequested()) return fail(cancelledError());
        m_progress(m_done++, 3 * m_tensors.size());
        return {};
    }

    Expected<QuantizedLinear> linearOf(const FileTensor& tensor, std::size_t part) const {
        auto linear = m_quantized(*tensor.plans[part]);
        if (linear && !(linear->scheme == tensor.plans[part]->actual))
            return fail(ErrorKind::Mismatch,
                        "Was quantized as " + linear->scheme.describe() + "; the plan says " +
                            tensor.plans[part]->actual.describe() + ". Quantize anew.",
                        tensor.plans[part]->name);
        return linear;
    }

    Expected<const StorageType*> gridType(const FileTensor& tensor) const {
        std::vector<QuantizedLinear> linears;
        for (std::size_t i = 0; i < tensor.parts.size(); ++i) {
            auto linear = linearOf(tensor, i);
            if (!linear) return fail(linear.error());
            linears.push_back(std::move(*linear));
        }
        for (const char* name : gridTypeNames()) {
            const StorageType* type = storageTypeNamed(name);
            if (std::ranges::all_of(
                    linears, [&](const QuantizedLinear& linear) { return encodeGrid(linear, *type).has_value(); }))
                return type;
        }
        return fail(ErrorKind::Unsupported,
                    "No GGUF block type holds this grid exactly (" + tensor.plans.front()->actual.describe() +
                        "): a scale is outside the range of half precision. Choose smaller groups, or 16 bits for "
                        "this linear.",
                    tensor.plans.front()->name);
    }

    Expected<const StorageType*> denseType(const FileTensor& tensor) const {
        const StorageType* widest = nullptr;
        for (const DecoderTensor& part : tensor.parts) {
            const TensorInfo* info = m_checkpoint.find(part.name);
            if (info == nullptr)
                return fail(ErrorKind::NotFound, "The model has no tensor \"" + part.name + "\".", m_checkpoint.path());
            const StorageType* type = plainType(part, info->storedType, m_options);
            if (m_options.plainType.empty() && type->name == "Q8_0") {
                const auto kept = keepsValues(part, *info, *type);
                if (!kept) return fail(kept.error());
                if (!*kept) type = storageTypeNamed("F32");
            }
            if (widest != nullptr && widest != type) type = storageTypeNamed("F32");
            widest = type;
        }
        return widest;
    }

    /// Rows as a type gives them back.
    static void storeAndRead(std::span<const float> values, std::size_t cols, const StorageType& type, std::vector<float>& again) {
        const std::vector<std::uint8_t> bytes = encodeRows(values, cols, type);
        again.resize(values.size());
        type.decode(bytes.data(), values.size() / type.values, again.data());
    }

    /// Whether a type gives every value back: blocks whose largest code is not 127, or that an adapter changed, come out otherwise.
    Expected<bool> keepsValues(const DecoderTensor& part, const TensorInfo& info, const StorageType& type) const {
        bool kept = true;
        std::vector<float> again;
        const auto cols = static_cast<std::size_t>(part.shape.back());
        const auto compare = [&](std::span<const float> values) -> Expected<void> {
            if (!kept) return {};
            storeAndRead(values, cols, type, again);
            kept = std::ranges::equal(again, values);
            return {};
        };
        if (auto read = readPieces(m_checkpoint, info, compare); !read) return fail(read.error());
        return kept;
    }

    Expected<void> writeGrid(GgufWriter& writer, const FileTensor& tensor, std::size_t part) const {
        auto linear = linearOf(tensor, part);
        if (!linear) return fail(linear.error());
        const auto bytes = encodeGrid(inFileOrder(tensor.parts[part], std::move(*linear)), *tensor.written.type);
        if (!bytes)
            return fail(ErrorKind::Mismatch, "Quantizing again gave another grid. Quantize anew.",
                        tensor.plans[part]->name);
        return writer.append(*bytes);
    }

    /// What the file holds for values of a tensor, before they take their type.
    static std::vector<float> fileValues(const DecoderTensor& part, std::span<const float> values) {
        std::vector<float> held(values.begin(), values.end());
        if (part.ggufAddsOne)
            for (float& value : held) value += 1.0F;
        return held;
    }

    Expected<void> writeDense(GgufWriter& writer, const FileTensor& tensor, const DecoderTensor& part) const {
        const auto write = [&](std::span<const float> values) {
            const auto cols = static_cast<std::size_t>(part.shape.back());
            return writer.append(encodeRows(fileValues(part, values), cols, *tensor.written.type));
        };
        const TensorInfo& info = *m_checkpoint.find(part.name);
        if (part.rotaryHeads == 0) return readPieces(m_checkpoint, info, write);
        std::vector<float> values(static_cast<std::size_t>(part.shape.front()) *
                                  (part.shape.size() == 2 ? static_cast<std::size_t>(part.shape.back()) : 1));
        if (auto read = m_checkpoint.read(part.name, values); !read) return read;
        return write(reorderedRows<float>(part, values));
    }

    Expected<void> compareGrid(const Checkpoint& reloaded, const FileTensor& tensor, std::size_t part) const {
        const auto linear = linearOf(tensor, part);
        if (!linear) return fail(linear.error());
        const auto read = reloaded.readMatrix(tensor.parts[part].name);
        if (!read) return fail(read.error());
        const Matrix meant = linear->dequantize();
        // A zero may come back with the other sign: -min + min. It is the same number.
        if (!std::ranges::equal(meant.span(), read->span())) return readBackDiffers(tensor.parts[part].name, reloaded.path());
        return {};
    }

    Expected<void> compareDense(const Checkpoint& reloaded, const FileTensor& tensor, const DecoderTensor& part) const {
        const StorageType& type = *tensor.written.type;
        const auto cols = static_cast<std::size_t>(part.shape.back());
        std::int64_t row = 0;
        std::vector<float> meant, read;
        return readPieces(m_checkpoint, *m_checkpoint.find(part.name), [&](std::span<const float> values) -> Expected<void> {
            storeAndRead(fileValues(part, values), cols, type, meant);
            if (part.ggufAddsOne)
                for (float& value : meant) value += -1.0F;
            read.resize(values.size());
            const auto rows = static_cast<std::int64_t>(values.size() / cols);
            auto done = part.shape.size() == 2 ? reloaded.readRows(part.name, row, rows, read) : reloaded.read(part.name, read);
            if (!done) return done;
            row += rows;
            if (std::memcmp(meant.data(), read.data(), meant.size() * sizeof(float)) != 0)
                return readBackDiffers(part.name, reloaded.path());
            return {};
        });
    }

    const Checkpoint& m_checkpoint;
    const QuantizedSource& m_quantized;
    const Progress& m_progress;
    const GgufOptions& m_options;
    std::vector<FileTensor> m_tensors;
    std::vector<GgufTensorToWrite> m_ropes;
    std::uint64_t m_done = 0;
};

std::string fileName(const DecoderConfig& config) {
    std::string name = config.name.empty() ? "model" : config.name;
    std::ranges::replace_if(
        name, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-' && c != '_'; }, '-');
    return name + ".gguf";
}

std::string card(const DecoderConfig& config, const std::vector<GgufTensorToWrite>& tensors) {
    std::map<std::string_view, std::size_t> counts;
    for (const GgufTensorToWrite& tensor : tensors) ++counts[tensor.type->name];
    std::string text =
        "# " + (config.name.empty() ? std::string("Model") : config.name) + "\n\nWritten by SafeQuant Workbench as " +
        fileName(config) +
        " for llama.cpp. provenance.json says what it was made from and how.\n\n| Type | Tensors |\n|---|---|\n";
    for (const auto& [type, count] : counts) text += "| " + std::string(type) + " | " + std::to_string(count) + " |\n";
    return text +
           "\nQuantization can weaken what a model learned about refusing harmful requests. Evaluate safety on this "
           "very file "
           "before it serves anyone. The licence of the source model applies.\n";
}

}  // namespace

std::string ggufProblem(const DecoderConfig& config, const std::vector<LinearPlan>& plan) {
    for (const LinearPlan& entry : plan) {
        if (!entry.quantized()) continue;
        if (const std::string problem = gridProblem(entry.actual, linearShape(config, entry.role).second);
            !problem.empty())
            return entry.name + ": " + problem + ".";
    }
    if (!config.tiedEmbeddings && familyOf(config).ggufArchitecture.starts_with("gemma"))
        return "llama.cpp reads no head of its own for models of type \"" + config.modelType +
               "\": leave out the rotation of the residual stream, or export as compressed-tensors.";
    return fusedProblem(config, plan);
}

std::uint64_t ggufBytes(const DecoderConfig& config, const std::vector<LinearPlan>& plan, const Checkpoint* checkpoint, const GgufOptions& options) {
    std::uint64_t bytes = kGgufHeaderRoom;
    for (FileTensor& tensor : fileTensors(config, plan)) {
        const TensorInfo* stored = checkpoint != nullptr ? checkpoint->find(tensor.parts.front().name) : nullptr;
        tensor.written.type = tensor.quantized() ? storageTypeNamed(usualType(tensor.plans.front()->actual))
                                                 : plainType(tensor.parts.front(), stored != nullptr ? stored->storedType : "F32", options);
        bytes += tensor.written.bytes();
    }
    return bytes;
}

Expected<ExportResult> exportGguf(const Checkpoint& checkpoint, const Tokenizer& tokenizer,
                                  const std::vector<LinearPlan>& plan, const QuantizedSource& quantized,
                                  const nlohmann::json& provenance, const std::string& folder, const Progress& progress,
                                  const GgufOptions& options) {
    const DecoderConfig& config = checkpoint.config();
    if (const std::string problem = ggufProblem(config, plan); !problem.empty())
        return fail(ErrorKind::Unsupported, problem, folder);
    auto metadata = ggufModelKeys(config);
    if (!metadata) return fail(metadata.error());
    auto tokens = ggufTokenizerKeys(checkpoint, tokenizer);
    if (!tokens) return fail(tokens.error());

    GgufExport work(checkpoint, plan, quantized, progress, options);
    if (auto chosen = work.choose(); !chosen) return fail(chosen.error());
    metadata->emplace_back("general.file_type", work.fileType());
    metadata->emplace_back("general.quantization_version", kQuantizationVersion);
    metadata->emplace_back("safequant.version", std::string(SAFEQUANT_VERSION));
    metadata->emplace_back("safequant.provenance",
                           provenance.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    metadata->insert(metadata->end(), tokens->begin(), tokens->end());

    auto target = TargetFolder::create(folder, work.bytes());
    if (!target) return fail(target.error());
    const std::string path = target->path() + "/" + fileName(config);
    GgufWriter writer;
    if (auto opened = writer.open(path, *metadata, work.announced()); !opened) return fail(opened.error());
    if (auto written = work.write(writer); !written) return fail(written.error());
    if (auto finished = writer.finish(); !finished) return fail(finished.error());
    if (auto done = writeFileAtomically(target->path() + "/provenance.json", provenance.dump(2) + "\n"); !done)
        return fail(done.error());
    if (auto done = writeFileAtomically(target->path() + "/README.md", card(config, work.announced())); !done)
        return fail(done.error());

    const auto reloaded = openCheckpoint(path);
    if (!reloaded) return fail(reloaded.error());
    if (const std::string difference = configDifference(config, (*reloaded)->config()); !difference.empty())
        return fail(ErrorKind::Unsupported,
                    "A GGUF file cannot say what this model computes: " + difference +
                        " would differ. Export in a Hugging Face format instead.",
                    folder);
    if (auto compared = work.compare(**reloaded); !compared) return fail(compared.error());
    return publishExport(*target, 0.0);
}

}  // namespace safequant
