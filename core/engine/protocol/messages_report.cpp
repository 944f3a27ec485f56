// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/report_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<ReportPreview> M>
void visitFields(V& visit, M& m) {
    visit("pdf", m.pdf);
}

template <typename V, MessageOf<ReportFiles> M>
void visitFields(V& visit, M& m) {
    visit("files", m.files);
}

template <typename V, MessageOf<ReportBundle::File> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("title", m.title);
    visit("data", m.data);
}

template <typename V, MessageOf<ReportBundle> M>
void visitFields(V& visit, M& m) {
    visit("files", m.files);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(ReportPreview);
SAFEQUANT_DEFINE_MESSAGE(ReportFiles);
SAFEQUANT_DEFINE_MESSAGE(ReportBundle::File);
SAFEQUANT_DEFINE_MESSAGE(ReportBundle);

}  // namespace safequant::protocol
