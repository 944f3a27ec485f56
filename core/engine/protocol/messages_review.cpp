// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/review_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<PersonVerdict> M>
void visitFields(V& visit, M& m) {
    visit("prompt", m.prompt);
    visit("id", m.id);
    visit("label", m.label);
    visit("model", m.model);
    visit("outcome", m.outcome);
    visit("judge", m.judge);
    visit("judged", m.judged);
    visit("answer_sha256", m.answerSha256);
    visit("by", m.by);
    visit("time", m.time);
}

template <typename V, MessageOf<ReviewedScore> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("judged", m.judged);
    visit("reviewed", m.reviewed);
    visit("missed", m.missed);
    visit("overcalled", m.overcalled);
    visit("known", m.known);
    visit("corrected", m.corrected);
    visit("interval", m.interval);
}

template <typename V, MessageOf<Review> M>
void visitFields(V& visit, M& m) {
    visit("judge", m.judge);
    visit("verdicts", m.verdicts);
    visit("agreed", m.agreed);
    visit("scores", m.scores);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(PersonVerdict);
SAFEQUANT_DEFINE_MESSAGE(ReviewedScore);
SAFEQUANT_DEFINE_MESSAGE(Review);

}  // namespace safequant::protocol
