// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/sentencepiece_model.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "core/text/text_model.h"

namespace safequant {

namespace {

constexpr const char* kSentencePieceFile = "tokenizer.model";
constexpr std::size_t kMostPieces = std::size_t{1} << 24;
constexpr std::size_t kLongestPiece = std::size_t{1} << 16;

struct Field {
    std::uint32_t number = 0;
    std::uint32_t wireType = 0;
    std::uint64_t value = 0;  ///< Of varints and fixed numbers.
    std::string_view bytes;   ///< Of length-delimited fields.
};

/// Reads the fields of one protocol buffers message (wire format of protobuf.dev/programming-guides/encoding).
class MessageReader {
public:
    MessageReader(std::string_view message, std::size_t offset) : m_message(message), m_offset(offset) {}

    bool atEnd() const { return m_at == m_message.size(); }
    /// Offset in the file of what is read next.
    std::size_t position() const { return m_offset + m_at; }

    std::optional<Field> next() {
        const auto tag = varint();
        if (!tag || *tag >> 3 == 0 || *tag > 0xFFFFFFFF) return std::nullopt;
        Field field;
        field.number = static_cast<std::uint32_t>(*tag >> 3);
        field.wireType = static_cast<std::uint32_t>(*tag & 7);
        switch (field.wireType) {
            case 0: {
                const auto value = varint();
                if (!value) return std::nullopt;
                field.value = *value;
                return field;
            }
            case 1:
            case 5: {
                const std::size_t size = field.wireType == 1 ? 8 : 4;
                if (m_message.size() - m_at < size) return std::nullopt;
                std::memcpy(&field.value, m_message.data() + m_at, size);
                m_at += size;
                return field;
            }
            case 2: {
                const auto length = varint();
                if (!length || *length > m_message.size() - m_at) return std::nullopt;
                field.bytes = m_message.substr(m_at, static_cast<std::size_t>(*length));
                m_at += static_cast<std::size_t>(*length);
                return field;
            }
            default:
                return std::nullopt;
        }
    }

private:
    std::optional<std::uint64_t> varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && m_at < m_message.size(); shift += 7) {
            const auto byte = static_cast<unsigned char>(m_message[m_at++]);
            value |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) return value;
        }
        return std::nullopt;
    }

    std::string_view m_message;
    std::size_t m_offset;
    std::size_t m_at = 0;
};

tl::unexpected<Error> badSentencePiece(const std::string& what) {
    return fail(ErrorKind::BadInput, what, kSentencePieceFile);
}

/// Calls `take(field)` for every field of a message; it returns whether the field has the wire type it should have.
template <typename Take>
Expected<void> readMessage(std::string_view message, std::size_t offset, const char* name, const Take& take) {
    MessageReader reader(message, offset);
    while (!reader.atEnd()) {
        const std::size_t at = reader.position();
        const auto field = reader.next();
        if (!field || !take(*field)) {
            return badSentencePiece("The " + std::string(name) + " is broken at byte " + std::to_string(at) +
                       ": this is no SentencePiece model, or it is cut off or damaged; fetch the file again.");
        }
    }
    return {};
}

bool takeText(const Field& field, std::string& into) {
    into = field.bytes;
    return field.wireType == 2;
}

bool takeFlag(const Field& field, bool& into) {
    into = field.value != 0;
    return field.wireType == 0;
}

Expected<void> readPiece(std::string_view message, std::size_t offset, SentencePieceModel& model) {
    SentencePiece piece;
    std::uint64_t type = 1;
    const auto read = readMessage(message, offset, "piece", [&](const Field& field) {
        switch (field.number) {
            case 1:
                return takeText(field, piece.text);
            case 2:
                piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
                return field.wireType == 5;
            case 3:
                type = field.value;
                return field.wireType == 0;
            default:
                return true;
        }
    });
    if (!read) return read;
    const std::string where = "Piece " + std::to_string(model.pieces.size());
    if (type < 1 || type > 6) return badSentencePiece(where + " has the unknown type " + std::to_string(type) + ".");
    if (model.pieces.size() >= kMostPieces) return badSentencePiece("It has more than " + std::to_string(kMostPieces) + " pieces.");
    piece.type = static_cast<PieceType>(type);
    model.pieces.push_back(std::move(piece));
    return {};
}

}  // namespace

Expected<SentencePieceModel> parseSentencePieceModel(std::string_view bytes) {
    SentencePieceModel model;
    std::uint64_t algorithm = 1;
    Expected<void> inner;
    const auto offsetOf = [&](std::string_view part) { return static_cast<std::size_t>(part.data() - bytes.data()); };
    const auto trainer = [&](const Field& field) {
        switch (field.number) {
            case 3:
                algorithm = field.value;
                return field.wireType == 0;
            case 24:
                return takeFlag(field, model.whitespaceAsSuffix);
            case 35:
                return takeFlag(field, model.byteFallback);
            case 44:
                return takeText(field, model.unknownSurface);
            default:
                return true;
        }
    };
    const auto normalizer = [&](const Field& field) {
        switch (field.number) {
            case 2:
                return takeText(field, model.charsmap);
            case 3:
                return takeFlag(field, model.addDummyPrefix);
            case 4:
                return takeFlag(field, model.removeExtraWhitespaces);
            case 5:
                return takeFlag(field, model.escapeWhitespaces);
            default:
                return true;
        }
    };
    const auto read = readMessage(bytes, 0, "file", [&](const Field& field) {
        if (field.number > 3 || !inner) return true;
        if (field.wireType != 2) return false;
        if (field.number == 1) {
            inner = readPiece(field.bytes, offsetOf(field.bytes), model);
        } else if (field.number == 2) {
            inner = readMessage(field.bytes, offsetOf(field.bytes), "trainer_spec", trainer);
        } else {
            inner = readMessage(field.bytes, offsetOf(field.bytes), "normalizer_spec", normalizer);
        }
        return true;
    });
    if (!inner) return fail(inner.error());
    if (!read) return fail(read.error());
    if (algorithm != 1 && algorithm != 2) {
        return fail(ErrorKind::Unsupported,
                    "A SentencePiece model of type " + std::to_string(algorithm) +
                        " is not supported; unigram (1) and BPE (2) models are.",
                    kSentencePieceFile);
    }
    model.algorithm = algorithm == 1 ? SentencePieceModel::Algorithm::Unigram : SentencePieceModel::Algorithm::Bpe;
    if (auto ok = checkSentencePieceModel(model, kSentencePieceFile); !ok) return fail(ok.error());
    return model;
}

Expected<void> checkSentencePieceModel(SentencePieceModel& model, const std::string& where) {
    const auto refuse = [&](const std::string& what) { return fail(ErrorKind::BadInput, what, where); };
    if (model.pieces.empty()) return refuse("The vocabulary is empty.");
    std::unordered_set<std::string_view> seen;
    std::size_t bytePieces = 0;
    model.unknown = -1;
    for (std::size_t id = 0; id < model.pieces.size(); ++id) {
        const SentencePiece& piece = model.pieces[id];
        const std::string name = "Piece " + std::to_string(id) + " ('" + piece.text.substr(0, 64) + "')";
        if (piece.text.empty()) return refuse(name + " is empty.");
        if (piece.text.size() > kLongestPiece) return refuse(name + " is longer than 64 KiB.");
        if (!seen.insert(piece.text).second) return refuse(name + " stands twice in the vocabulary.");
        if (!std::isfinite(piece.score)) return refuse(name + " has a score that is no number.");
        if (piece.type == PieceType::Unknown) {
            if (model.unknown >= 0)
                return refuse(name + " is a second unknown piece, after " + std::to_string(model.unknown) + ".");
            model.unknown = static_cast<std::int32_t>(id);
        } else if (piece.type == PieceType::Byte) {
            if (!BytePieces::byteOf(piece.text)) return refuse(name + " is a byte piece that is not named <0xHH>.");
            ++bytePieces;
        }
    }
    if (model.unknown < 0) return refuse("No piece is of type unknown.");
    if (model.byteFallback && bytePieces != 256) {
        return refuse("Byte fallback needs 256 byte pieces, but there are " + std::to_string(bytePieces) + ".");
    }
    return {};
}

}  // namespace safequant
