// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/budget_messages.h"
#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<SensitivityItem> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("block", m.block);
    visit("weights", m.weights);
    visit("bits_per_weight", m.bitsPerWeight);
    visit("error", m.error);
}

template <typename V, MessageOf<Sensitivities> M>
void visitFields(V& visit, M& m) {
    visit("measure", m.measure);
    visit("bits", m.bits);
    visit("linears", m.linears);
    visit("other_bytes", m.otherBytes);
}

template <typename V, MessageOf<BudgetSolution> M>
void visitFields(V& visit, M& m) {
    visit("bits", m.bits);
    visit("size_bits", m.sizeBits);
    visit("cost", m.cost);
    visit("bound", m.bound);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(SensitivityItem);
SAFEQUANT_DEFINE_MESSAGE(Sensitivities);
SAFEQUANT_DEFINE_MESSAGE(BudgetSolution);

}  // namespace safequant::protocol
