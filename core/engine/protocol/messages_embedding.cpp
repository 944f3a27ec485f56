// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/embedding_messages.h"
#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<EmbeddingSettings> M>
void visitFields(V& visit, M& m) {
    visit("kind", m.kind);
    visit("perplexity", m.perplexity);
    visit("neighbours", m.neighbours);
    visit("min_distance", m.minDistance);
    visit("seed", m.seed);
}

template <typename V, MessageOf<ProjectionFrame> M>
void visitFields(V& visit, M& m) {
    visit("ticket", m.ticket);
    visit("step", m.step);
    visit("steps", m.steps);
    visit("base", m.base);
    visit("quantized", m.quantized);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(EmbeddingSettings);
SAFEQUANT_DEFINE_MESSAGE(ProjectionFrame);

}  // namespace safequant::protocol
