// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/aligned_places.h"

#include <algorithm>

#include "core/activations/array_group.h"
#include "core/base/hash.h"
#include "core/run/block_results.h"
#include "core/run/manifest.h"
#include "core/run/run_spec.h"
#include "core/signature/alignment_signature.h"

namespace safequant {

Expected<protocol::FloatArray> alignedPlaces(const std::string& folder, int block, const std::string& kind) {
    protocol::FloatArray places;
    const auto spec = readRunSpec(folder + "/spec.json");
    if (!spec || spec->signature.empty()) return places;
    const auto manifest = Manifest::read(folder);
    const auto hash = sha256File(spec->signature);
    if (!manifest || !hash || manifest->json().value(nlohmann::json::json_pointer("/fingerprints/aligned checkpoint"), std::string()) != *hash) return places;
    const auto signature = readSignature(spec->signature);
    if (!signature) return places;
    const auto base = readArrayGroup(blockPath(folder, "base", block), "axes/" + kind);
    if (!base) return fail(base.error());
    const auto axes = readAxes(*base, kind);
    if (!axes) return fail(axes.error());
    const auto hidden = static_cast<std::size_t>(signature->hidden);
    if (block >= signature->blocks || axes->axis1.size() != hidden) return places;
    Matrix means(2, hidden);
    std::size_t row = 0;
    for (const auto* values : {&signature->maliciousMeans, &signature->benignMeans})
        std::ranges::copy(signature->ofBlock(*values, block).last(hidden), means.row(row++));
    return pointsOn(*axes, means);
}

}  // namespace safequant
