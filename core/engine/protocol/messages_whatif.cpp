// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/whatif_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<WhatIfProgress> M>
void visitFields(V& visit, M& m) {
    visit("ticket", m.ticket);
    visit("done", m.done);
    visit("total", m.total);
}

template <typename V, MessageOf<WhatIfOwn> M>
void visitFields(V& visit, M& m) {
    visit("scheme", m.scheme);
    visit("relative_error", m.relativeError);
    visit("bits_per_weight", m.bitsPerWeight);
    visit("accuracy", m.accuracy);
    visit("difference", m.difference);
}

template <typename V, MessageOf<WhatIfResult> M>
void visitFields(V& visit, M& m) {
    visit("block", m.block);
    visit("method", m.method);
    visit("scheme", m.scheme);
    visit("prompts", m.prompts);
    visit("linears", m.linears);
    visit("bits_per_weight", m.bitsPerWeight);
    visit("relative_error", m.relativeError);
    visit("transferred", m.transferred);
    visit("from_base", m.fromBase);
    visit("own", m.own);
    visit("probe", m.probe);
    visit("lda", m.lda);
    visit("pca", m.pca);
    visit("logits", m.logits);
    visit("seconds", m.seconds);
    visit("refined", m.refined);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(WhatIfProgress);
SAFEQUANT_DEFINE_MESSAGE(WhatIfOwn);
SAFEQUANT_DEFINE_MESSAGE(WhatIfResult);

}  // namespace safequant::protocol
