// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/settings_messages.h"

#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<MethodSetting::Choice> M>
void visitFields(V& visit, M& m) {
    visit("title", m.title);
    visit("value", m.value);
}

template <typename V, MessageOf<MethodSetting> M>
void visitFields(V& visit, M& m) {
    visit("path", m.path);
    visit("group", m.group);
    visit("title", m.title);
    visit("help", m.help);
    visit("kind", m.kind);
    visit("low", m.low);
    visit("high", m.high);
    visit("unit", m.unit);
    visit("choices", m.choices);
    visit("value", m.value);
    visit("standard", m.standard);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(MethodSetting::Choice);
SAFEQUANT_DEFINE_MESSAGE(MethodSetting);

}  // namespace safequant::protocol
