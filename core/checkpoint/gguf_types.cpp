// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/gguf_types.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace safequant {
namespace {

// Inlined into every clone, so that the loops are vectorised for the clone's own instruction set.
#define SAFEQUANT_KERNEL [[gnu::always_inline]] static inline

SAFEQUANT_KERNEL std::uint16_t load16(const std::uint8_t* p) {
    std::uint16_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
}

SAFEQUANT_KERNEL std::uint32_t load32(const std::uint8_t* p) {
    std::uint32_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
}

SAFEQUANT_KERNEL float toFloat(std::uint16_t h) {
    const std::uint32_t sign = (h & 0x8000U) << 16;
    const std::uint32_t rest = h & 0x7FFFU;
    // Below 2^-14 the value is mantissa * 2^-24; elsewhere the exponent is moved from bias 15 to 127.
    if (rest < 0x0400U)
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(static_cast<float>(rest) * 0x1p-24F));
    const std::uint32_t exponent = rest >= 0x7C00U ? 0x70000000U : 0x38000000U;
    return std::bit_cast<float>(sign | ((rest << 13) + exponent));
}

struct Brain16 {
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        *out = std::bit_cast<float>(static_cast<std::uint32_t>(load16(b)) << 16);
    }
    static constexpr std::size_t kBytes = 2, kValues = 1;
};

/// What is stored as signed codes and scales.
template <typename Block>
SAFEQUANT_KERNEL void decodeCodes(const std::uint8_t* b, float* out) {
    std::int8_t codes[Block::kValues];
    float scales[Block::kValues / Block::kCodesPerScale];
    Block::codes(b, codes, scales);
    for (std::size_t group = 0; group < Block::kValues; group += Block::kCodesPerScale)
        for (std::size_t j = group; j < group + Block::kCodesPerScale; ++j) out[j] = scales[group / Block::kCodesPerScale] * static_cast<float>(codes[j]);
}

struct Q4x0 {
    static constexpr std::size_t kBytes = 18, kValues = 32, kCodesPerScale = 32;
    static constexpr int kCodeBits = 4;
    SAFEQUANT_KERNEL void codes(const std::uint8_t* b, std::int8_t* q, float* scales) {
        *scales = toFloat(load16(b));
        for (int j = 0; j < 16; ++j) {
            q[j] = static_cast<std::int8_t>((b[2 + j] & 15) - 8);
            q[j + 16] = static_cast<std::int8_t>((b[2 + j] >> 4) - 8);
        }
    }
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) { decodeCodes<Q4x0>(b, out); }
};

struct Q4x1 {
    static constexpr std::size_t kBytes = 20, kValues = 32;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b));
        const float m = toFloat(load16(b + 2));
        for (int j = 0; j < 16; ++j) {
            out[j] = d * static_cast<float>(b[4 + j] & 15) + m;
            out[j + 16] = d * static_cast<float>(b[4 + j] >> 4) + m;
        }
    }
};

struct Q5x0 {
    static constexpr std::size_t kBytes = 22, kValues = 32, kCodesPerScale = 32;
    static constexpr int kCodeBits = 5;
    SAFEQUANT_KERNEL void codes(const std::uint8_t* b, std::int8_t* q, float* scales) {
        *scales = toFloat(load16(b));
        const std::uint32_t high = load32(b + 2);
        for (int j = 0; j < 16; ++j) {
            const int low = (b[6 + j] & 15) | static_cast<int>((high >> j & 1U) << 4);
            const int top = (b[6 + j] >> 4) | static_cast<int>((high >> (j + 16) & 1U) << 4);
            q[j] = static_cast<std::int8_t>(low - 16);
            q[j + 16] = static_cast<std::int8_t>(top - 16);
        }
    }
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) { decodeCodes<Q5x0>(b, out); }
};

struct Q5x1 {
    static constexpr std::size_t kBytes = 24, kValues = 32;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b));
        const float m = toFloat(load16(b + 2));
        const std::uint32_t high = load32(b + 4);
        for (int j = 0; j < 16; ++j) {
            const int low = (b[8 + j] & 15) | static_cast<int>((high >> j & 1U) << 4);
            const int top = (b[8 + j] >> 4) | static_cast<int>((high >> (j + 16) & 1U) << 4);
            out[j] = d * static_cast<float>(low) + m;
            out[j + 16] = d * static_cast<float>(top) + m;
        }
    }
};

struct Q8x0 {
    static constexpr std::size_t kBytes = 34, kValues = 32, kCodesPerScale = 32;
    static constexpr int kCodeBits = 8;
    SAFEQUANT_KERNEL void codes(const std::uint8_t* b, std::int8_t* q, float* scales) {
        *scales = toFloat(load16(b));
        std::memcpy(q, b + 2, kValues);
    }
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) { decodeCodes<Q8x0>(b, out); }
};

/// The 6-bit scale and minimum of sub-block j in the 12 packed bytes of Q4_K and Q5_K.
SAFEQUANT_KERNEL void unpackScale(const std::uint8_t* b, int j, int& scale, int& minimum) {
    if (j < 4) {
        scale = b[j] & 63;
        minimum = b[j + 4] & 63;
    } else {
        scale = (b[j + 4] & 15) | (b[j - 4] >> 6 << 4);
        minimum = (b[j + 4] >> 4) | (b[j] >> 6 << 4);
    }
}

struct Q2xK {
    static constexpr std::size_t kBytes = 84, kValues = 256;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b + 80));
        const float dmin = toFloat(load16(b + 82));
        for (int j = 0; j < 16; ++j) {
            const float s = d * static_cast<float>(b[j] & 15);
            const float m = dmin * static_cast<float>(b[j] >> 4);
            const std::uint8_t* q = b + 16 + j / 8 * 32 + j % 2 * 16;
            const int shift = j / 2 % 4 * 2;
            for (int l = 0; l < 16; ++l) out[j * 16 + l] = s * static_cast<float>(q[l] >> shift & 3) - m;
        }
    }
};

struct Q3xK {
    static constexpr std::size_t kBytes = 110, kValues = 256;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b + 108));
        const std::uint8_t* scales = b + 96;
        for (int j = 0; j < 16; ++j) {
            const int low = scales[j % 8] >> (j / 8 * 4) & 15;
            const int high = scales[8 + j % 4] >> (j / 4 * 2) & 3;
            const float s = d * static_cast<float>((low | high << 4) - 32);
            const std::uint8_t* q = b + 32 + j / 8 * 32 + j % 2 * 16;
            const std::uint8_t* mask = b + j % 2 * 16;
            const int shift = j / 2 % 4 * 2;
            for (int l = 0; l < 16; ++l) {
                const int borrow = (mask[l] >> (j / 2) & 1) != 0 ? 0 : 4;
                out[j * 16 + l] = s * static_cast<float>((q[l] >> shift & 3) - borrow);
            }
        }
    }
};

struct Q4xK {
    static constexpr std::size_t kBytes = 144, kValues = 256;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b));
        const float dmin = toFloat(load16(b + 2));
        for (int j = 0; j < 8; ++j) {
            int scale = 0, minimum = 0;
            unpackScale(b + 4, j, scale, minimum);
            const float s = d * static_cast<float>(scale);
            const float m = dmin * static_cast<float>(minimum);
            const std::uint8_t* q = b + 16 + j / 2 * 32;
            const int shift = j % 2 * 4;
            for (int l = 0; l < 32; ++l) out[j * 32 + l] = s * static_cast<float>(q[l] >> shift & 15) - m;
        }
    }
};

struct Q5xK {
    static constexpr std::size_t kBytes = 176, kValues = 256;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b));
        const float dmin = toFloat(load16(b + 2));
        const std::uint8_t* high = b + 16;
        for (int j = 0; j < 8; ++j) {
            int scale = 0, minimum = 0;
            unpackScale(b + 4, j, scale, minimum);
            const float s = d * static_cast<float>(scale);
            const float m = dmin * static_cast<float>(minimum);
            const std::uint8_t* q = b + 48 + j / 2 * 32;
            const int shift = j % 2 * 4;
            for (int l = 0; l < 32; ++l) {
                const int code = (q[l] >> shift & 15) | (high[l] >> j & 1) << 4;
                out[j * 32 + l] = s * static_cast<float>(code) - m;
            }
        }
    }
};

struct Q6xK {
    static constexpr std::size_t kBytes = 210, kValues = 256, kCodesPerScale = 16;
    static constexpr int kCodeBits = 6;
    SAFEQUANT_KERNEL void codes(const std::uint8_t* b, std::int8_t* q, float* scales) {
        const float d = toFloat(load16(b + 208));
        for (int part = 0; part < 8; ++part) {
            const int half = part / 4, quarter = part % 4;
            const std::uint8_t* low = b + half * 64 + quarter % 2 * 32;
            const std::uint8_t* high = b + 128 + half * 32;
            const int lowShift = quarter / 2 * 4, highShift = quarter * 2;
            for (int side = 0; side < 2; ++side) {
                scales[part * 2 + side] = d * static_cast<float>(static_cast<std::int8_t>(b[192 + part * 2 + side]));
                for (int l = side * 16; l < side * 16 + 16; ++l) {
                    const int code = (low[l] >> lowShift & 15) | (high[l] >> highShift & 3) << 4;
                    q[part * 32 + l] = static_cast<std::int8_t>(code - 32);
                }
            }
        }
    }
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) { decodeCodes<Q6xK>(b, out); }
};

/// The sixteen levels of IQ4_NL and IQ4_XS.
constexpr float kUnevenLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
/// Twice the values of a 4-bit float (E2M1).
constexpr float kFloat4Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// 16 bytes whose low halves are the first 16 codes and whose high halves are the next 16.
SAFEQUANT_KERNEL void lookUp32(const std::uint8_t* q, const float* levels, float scale, float* out) {
    for (int j = 0; j < 16; ++j) {
        out[j] = scale * levels[q[j] & 15];
        out[j + 16] = scale * levels[q[j] >> 4];
    }
}

struct Iq4Nl {
    static constexpr std::size_t kBytes = 18, kValues = 32;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) { lookUp32(b + 2, kUnevenLevels, toFloat(load16(b)), out); }
};

struct Iq4Xs {
    static constexpr std::size_t kBytes = 136, kValues = 256;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b));
        const int high = load16(b + 2);
        for (int j = 0; j < 8; ++j) {
            const int scale = (b[4 + j / 2] >> (j % 2 * 4) & 15) | (high >> (2 * j) & 3) << 4;
            lookUp32(b + 8 + j * 16, kUnevenLevels, d * static_cast<float>(scale - 32), out + j * 32);
        }
    }
};

struct Mxfp4 {
    static constexpr std::size_t kBytes = 17, kValues = 32;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        // Half of 2^(e - 127), since the levels are doubled; the two smallest are subnormal.
        const std::uint32_t e = b[0];
        const std::uint32_t bits = e < 2 ? 0x00200000U << e : (e - 1) << 23;
        lookUp32(b + 1, kFloat4Doubled, std::bit_cast<float>(bits), out);
    }
};

/// Base-3 digits in a byte: digit n is the integer part of 3 * (byte * 3^n mod 256) / 256.
SAFEQUANT_KERNEL float trit(std::uint8_t byte, std::uint8_t power) {
    return static_cast<float>(static_cast<int>(static_cast<std::uint8_t>(byte * power) * 3U >> 8) - 1);
}

struct Tq1x0 {
    static constexpr std::size_t kBytes = 54, kValues = 256;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        constexpr std::uint8_t kPowers[5] = {1, 3, 9, 27, 81};
        const float d = toFloat(load16(b + 52));
        for (int n = 0; n < 5; ++n) {
            for (int l = 0; l < 32; ++l) out[n * 32 + l] = d * trit(b[l], kPowers[n]);
            for (int l = 0; l < 16; ++l) out[160 + n * 16 + l] = d * trit(b[32 + l], kPowers[n]);
        }
        for (int n = 0; n < 4; ++n)
            for (int l = 0; l < 4; ++l) out[240 + n * 4 + l] = d * trit(b[48 + l], kPowers[n]);
    }
};

struct Tq2x0 {
    static constexpr std::size_t kBytes = 66, kValues = 256;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const float d = toFloat(load16(b + 64));
        for (int j = 0; j < 8; ++j)
            for (int l = 0; l < 32; ++l) out[j * 32 + l] = d * static_cast<float>((b[j / 4 * 32 + l] >> (j % 4 * 2) & 3) - 1);
    }
};

struct Double64 {
    static constexpr std::size_t kBytes = 8, kValues = 1;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        double value = 0;
        std::memcpy(&value, b, sizeof value);
        *out = static_cast<float>(value);
    }
};

/// 8-bit floats without infinities: 4 exponent bits of bias 7, the all-ones pattern is not a number.
struct Float8E4M3 {
    static constexpr std::size_t kBytes = 1, kValues = 1;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) {
        const std::uint32_t sign = (*b & 0x80U) << 24;
        const std::uint32_t rest = *b & 0x7FU;
        const std::uint32_t bits = rest == 0x7FU ? 0x7FC00000U
                                   : rest < 8U   ? std::bit_cast<std::uint32_t>(static_cast<float>(rest) * 0x1p-9F)
                                                 : (rest << 20) + 0x3C000000U;
        *out = std::bit_cast<float>(sign | bits);
    }
};

/// 8-bit floats with the exponents of half precision: its upper byte.
struct Float8E5M2 {
    static constexpr std::size_t kBytes = 1, kValues = 1;
    SAFEQUANT_KERNEL void decode(const std::uint8_t* b, float* out) { *out = toFloat(static_cast<std::uint16_t>(*b << 8)); }
};

template <typename Block>
SAFEQUANT_KERNEL void decodeAll(const std::uint8_t* blocks, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; ++i) Block::decode(blocks + i * Block::kBytes, out + i * Block::kValues);
}

SAFEQUANT_KERNEL void decodeHalfPortable(const std::uint8_t* data, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; ++i) out[i] = toFloat(load16(data + 2 * i));
}

void decodeSingle(const std::uint8_t* data, std::size_t count, float* out) { std::memcpy(out, data, count * 4); }

#if defined(__x86_64__)

bool hasAvx2() {
    // Clang's __builtin_cpu_supports does not know "f16c".
    static const bool value = [] {
        unsigned int eax = 0, ebx = 0, ecx = 0, edx = 0;
        return __builtin_cpu_supports("avx2") != 0 && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
    }();
    return value;
}

template <typename Block>
[[gnu::target("avx2")]] void decodeAvx2(const std::uint8_t* blocks, std::size_t count, float* out) {
    decodeAll<Block>(blocks, count, out);
}

[[gnu::target("avx2,f16c")]] void decodeHalfAvx2(const std::uint8_t* data, std::size_t count, float* out) {
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i half{};
        std::memcpy(&half, data + 2 * i, sizeof half);
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(half));
    }
    decodeHalfPortable(data + 2 * i, count - i, out + i);
}

template <typename Block>
void decodeBlocks(const std::uint8_t* blocks, std::size_t count, float* out) {
    if (hasAvx2())
        decodeAvx2<Block>(blocks, count, out);
    else
        decodeAll<Block>(blocks, count, out);
}

void decodeHalf(const std::uint8_t* data, std::size_t count, float* out) {
    if (hasAvx2())
        decodeHalfAvx2(data, count, out);
    else
        decodeHalfPortable(data, count, out);
}

#else

template <typename Block>
void decodeBlocks(const std::uint8_t* blocks, std::size_t count, float* out) {
    decodeAll<Block>(blocks, count, out);
}

void decodeHalf(const std::uint8_t* data, std::size_t count, float* out) { decodeHalfPortable(data, count, out); }

#endif

#undef SAFEQUANT_KERNEL

template <typename Block>
void codesOfBlocks(const std::uint8_t* blocks, std::size_t count, std::int8_t* codes, float* scales) {
    for (std::size_t i = 0; i < count; ++i)
        Block::codes(blocks + i * Block::kBytes, codes + i * Block::kValues, scales + i * (Block::kValues / Block::kCodesPerScale));
}

template <typename Block>
constexpr StorageType readable(std::string_view name, std::uint32_t id) {
    StorageType type{name, id, Block::kValues, Block::kBytes, &decodeBlocks<Block>};
    if constexpr (requires { Block::kCodeBits; }) {
        type.codeBits = Block::kCodeBits;
        type.codesPerScale = Block::kCodesPerScale;
        type.codes = &codesOfBlocks<Block>;
    }
    return type;
}

constexpr auto kTypes = std::to_array<StorageType>({
    {"F32", 0, 1, 4, &decodeSingle},
    {"F16", 1, 1, 2, &decodeHalf},
    readable<Q4x0>("Q4_0", 2),
    readable<Q4x1>("Q4_1", 3),
    readable<Q5x0>("Q5_0", 6),
    readable<Q5x1>("Q5_1", 7),
    readable<Q8x0>("Q8_0", 8),
    {"Q8_1", 9, 32, 40, nullptr},
    readable<Q2xK>("Q2_K", 10),
    readable<Q3xK>("Q3_K", 11),
    readable<Q4xK>("Q4_K", 12),
    readable<Q5xK>("Q5_K", 13),
    readable<Q6xK>("Q6_K", 14),
    {"Q8_K", 15, 256, 292, nullptr},
    {"IQ2_XXS", 16, 256, 66, nullptr},
    {"IQ2_XS", 17, 256, 74, nullptr},
    {"IQ3_XXS", 18, 256, 98, nullptr},
    {"IQ1_S", 19, 256, 50, nullptr},
    readable<Iq4Nl>("IQ4_NL", 20),
    {"IQ3_S", 21, 256, 110, nullptr},
    {"IQ2_S", 22, 256, 82, nullptr},
    readable<Iq4Xs>("IQ4_XS", 23),
    {"I8", 24, 1, 1, nullptr},
    {"I16", 25, 1, 2, nullptr},
    {"I32", 26, 1, 4, nullptr},
    {"I64", 27, 1, 8, nullptr},
    readable<Double64>("F64", 28),
    {"IQ1_M", 29, 256, 56, nullptr},
    readable<Brain16>("BF16", 30),
    readable<Tq1x0>("TQ1_0", 34),
    readable<Tq2x0>("TQ2_0", 35),
    readable<Mxfp4>("MXFP4", 39),
    {"NVFP4", 40, 64, 36, nullptr},
    {"Q1_0", 41, 128, 18, nullptr},
    readable<Float8E4M3>("F8_E4M3", StorageType::kNotGgml),
    readable<Float8E5M2>("F8_E5M2", StorageType::kNotGgml),
});

}  // namespace

const StorageType* storageTypeOf(std::uint32_t ggmlId) {
    for (const StorageType& type : kTypes)
        if (type.ggmlId == ggmlId && ggmlId != StorageType::kNotGgml) return &type;
    return nullptr;
}

const StorageType* storageTypeNamed(std::string_view name) {
    for (const StorageType& type : kTypes)
        if (type.name == name) return &type;
    return nullptr;
}

float halfToFloat(std::uint16_t bits) { return toFloat(bits); }

}  // namespace safequant
