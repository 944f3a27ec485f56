// SPDX-License-Identifier: GPL-3.0-or-later
// Vectors of floats of one instruction set, and how they are read and written. Included by other .inl files, with kVectorBytes defined.

constexpr int kLanes = kVectorBytes / 4;
constexpr int kPanelVectors = kPanelWidth / kLanes;

using Vec = float __attribute__((vector_size(kVectorBytes)));

inline Vec load(const float* p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

inline void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

inline Vec loadPart(const float* p, int count, float rest) {
    if (count == kLanes) return load(p);
    float lanes[kLanes];
    for (int i = 0; i < kLanes; ++i) lanes[i] = i < count ? p[i] : rest;
    return load(lanes);
}

inline void storePart(float* p, Vec v, int count) {
    if (count == kLanes) return store(p, v);
    float lanes[kLanes];
    store(lanes, v);
    for (int i = 0; i < count; ++i) p[i] = lanes[i];
}
