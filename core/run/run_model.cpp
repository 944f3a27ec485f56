// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_model.h"

#include <sys/stat.h>

#include <algorithm>

#include "core/base/utc.h"
#include "core/run/manifest.h"

namespace safequant {
namespace {

bool writtenAfter(const std::string& file, const std::string& moment) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 && utcText(status.st_mtime) > moment;
}

}  // namespace

Expected<RunInputs> openRunModel(const std::string& folder, bool hashing, const Progress& progress) {
    auto spec = readRunSpec(folder + "/spec.json");
    if (!spec) return fail(spec.error());
    spec->stages.clear();
    spec->exportFolder.clear();
    return openInputs(*spec, hashing, progress);
}

Expected<void> checkRunModel(const std::string& folder, const RunInputs& inputs) {
    const auto manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    const auto checkpoint = manifest->json().find("checkpoint");
    if (checkpoint == manifest->json().end()) return {};
    std::string hash = inputs.checkpointHash;
    if (hash.empty()) {
        const auto files = inputs.checkpoint->files();
        if (std::none_of(files.begin(), files.end(), [&](const std::string& file) { return writtenAfter(file, manifest->text("created")); })) return {};
        auto computed = inputs.checkpoint->contentHash({});
        if (!computed) return fail(computed.error());
        hash = std::move(*computed);
    }
    if (checkpoint->value("content_hash", "") == hash) return {};
    return fail(ErrorKind::Mismatch,
                "The checkpoint has changed since this run was made: what is computed from it now would be of another model. Put the checkpoint "
                "back, or start a new run.",
                inputs.spec.checkpoint);
}

}  // namespace safequant
