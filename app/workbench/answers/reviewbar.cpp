// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/answers/reviewbar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

namespace {

constexpr const char* kOutcomes[] = {"refused", "complied", "incoherent"};

const protocol::AnswerItem* answerOf(Session* session, int prompt, const std::string& model) {
    const auto& answers = session->store()->state().answers;
    const auto found = std::find_if(answers.begin(), answers.end(), [&](const auto& each) { return each.prompt == prompt && each.model == model; });
    return found == answers.end() ? nullptr : &*found;
}

}  // namespace

ReviewBar::ReviewBar(Session* session, QWidget* parent) : QWidget(parent), m_session(session), m_said(makeParagraph({}, "secondary", "muted")) {
    setObjectName(QStringLiteral("reviewBar"));
    setProperty("edge", QStringLiteral("top"));
    setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 12, 10, 12, 10, 6);
    layout->addWidget(makeLabel(tr("Your verdict"), "heading"));
    m_rows = {makeRow("base", tr("Base")), makeRow("quantized", tr("Quantized"))};
    for (const Row& row : m_rows) layout->addWidget(row.line);
    m_said->setObjectName(QStringLiteral("reviewSaid"));
    layout->addWidget(m_said);
    connect(m_session->review(), &ReviewStore::changed, this, &ReviewBar::refresh);
    connect(m_session->selection(), &widgets::SelectionModel::currentChanged, this, &ReviewBar::refresh);
    connect(m_session->shield(), &widgets::ContentShield::changed, this, &ReviewBar::refresh);
    connect(m_session->store(), &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & (RunStore::Replaced | RunStore::Answers)) refresh();
    });
    refresh();
}

ReviewBar::Row ReviewBar::makeRow(const char* model, const QString& name) {
    Row row;
    row.model = model;
    row.line = new QWidget;
    auto* layout = new QHBoxLayout(row.line);
    setSpacing(layout, 0, 0, 0, 0, 8);
    QLabel* title = makeLabel(name);
    title->setMinimumWidth(72);
    layout->addWidget(title);
    row.verdict = new widgets::SegmentedControl;
    row.verdict->setObjectName(QStringLiteral("verdict_") + QLatin1String(model));
    row.verdict->setAccessibleName(tr("Your verdict on the answer of the model: %1").arg(name));
    layout->addWidget(row.verdict);
    row.takeBack = makeLink(tr("Take back"));
    row.takeBack->setObjectName(QStringLiteral("takeBack_") + QLatin1String(model));
    row.takeBack->setAccessibleName(tr("Take your verdict back: %1").arg(name));
    layout->addWidget(row.takeBack);
    layout->addStretch(1);
    const auto judge = [this, of = row.model](const QString& outcome) {
        m_session->review()->judge({m_session->selection()->current(), of}, outcome);
    };
    connect(row.verdict, &widgets::SegmentedControl::valueActivated, this, [judge](const QVariant& value) { judge(value.toString()); });
    connect(row.takeBack, &QPushButton::clicked, this, [judge] { judge({}); });
    return row;
}

void ReviewBar::refresh() {
    const int current = m_session->selection()->current();
    const protocol::PromptItem* prompt = m_session->prompt(current);
    bool any = false;
    if (prompt) {
        const QString label = QString::fromStdString(prompt->label);
        if (label != m_label) {
            m_label = label;
            for (const Row& row : m_rows) {
                row.verdict->clear();
                for (const char* outcome : kOutcomes) row.verdict->addSegment(widgets::outcomeText(QLatin1String(outcome), label), QLatin1String(outcome));
            }
        }
    }
    const bool readable = prompt && m_session->shield()->allows(m_label, current);
    QStringList differing;
    for (const Row& row : m_rows) {
        const auto* answer = prompt ? answerOf(m_session, current, row.model) : nullptr;
        const auto* stands = prompt ? m_session->review()->verdict(current, row.model) : nullptr;
        any |= answer != nullptr;
        row.line->setVisible(answer != nullptr);
        row.line->setEnabled(readable);
        row.verdict->setToolTip(readable ? QString() : tr("Show the text to judge it"));
        row.verdict->setCurrentValue(stands ? QVariant(QString::fromStdString(stands->outcome)) : QVariant());
        row.takeBack->setVisible(stands != nullptr);
        if (stands && answer && stands->outcome != answer->outcome) {
            differing << tr("%1 says of the %2 model: %3.")
                             .arg(QString::fromStdString(stands->judge), row.model == "base" ? tr("base") : tr("quantized"),
                                  widgets::outcomeText(QString::fromStdString(answer->outcome), m_label));
        }
    }
    setVisible(any);
    const QString problem = m_session->review()->problem();
    m_said->setText(!problem.isEmpty() ? asSentence(problem) : !readable ? tr("Show the text to judge it.") : differing.join(QLatin1Char(' ')));
    setTone(m_said, problem.isEmpty() ? "muted" : "bad");
    m_said->setVisible(!m_said->text().isEmpty());
}

ReviewSummary::ReviewSummary(Session* session, QWidget* parent)
    : QWidget(parent), m_session(session), m_text(makeParagraph({}, "secondary", "muted")), m_draw(makeLink(tr("Draw one to read"))) {
    setProperty("edge", QStringLiteral("top"));
    setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 14, 10, 14, 10, 6);
    layout->addWidget(makeLabel(tr("Read by people"), "heading"));
    m_text->setObjectName(QStringLiteral("reviewSummary"));
    layout->addWidget(m_text);
    m_draw->setObjectName(QStringLiteral("drawAnswer"));
    m_draw->setToolTip(tr("An answer to a malicious prompt that nobody judged yet, at random. Verdicts on answers drawn like this can stand for the rest."));
    layout->addWidget(m_draw, 0, Qt::AlignLeft);
    connect(m_draw, &QPushButton::clicked, this, [this] {
        if (const auto answer = m_session->review()->draw()) m_session->selection()->select(answer->prompt);
    });
    connect(m_session->review(), &ReviewStore::changed, this, &ReviewSummary::refresh);
    connect(m_session->store(), &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & (RunStore::Replaced | RunStore::Answers)) refresh();
    });
    refresh();
}

void ReviewSummary::refresh() {
    const protocol::Review& review = m_session->review()->review();
    m_draw->setEnabled(m_session->review()->draw().has_value());
    if (review.verdicts.empty()) {
        m_text->setText(tr("Nobody has judged an answer yet. Read some to know how far the judge can be believed."));
        return;
    }
    QStringList lines{tr("%1 judged; %2 agrees on %3%.")
                          .arg(counted(qint64(review.verdicts.size()), tr("answer"), tr("answers")), QString::fromStdString(review.judge))
                          .arg(qRound(review.agreed.value * 100))};
    bool unknown = false;
    for (const auto& score : review.scores) {
        const QString model = score.model == "base" ? tr("base") : tr("quantized");
        if (score.known) {
            lines << tr("Harmful score, %1: %2% by the judge, %3% [%4, %5] corrected.")
                         .arg(model)
                         .arg(qRound(score.judged.value * 100))
                         .arg(qRound(score.corrected * 100))
                         .arg(qRound(score.interval.low * 100))
                         .arg(qRound(score.interval.high * 100));
        } else {
            unknown = true;
        }
    }
    if (unknown) lines << tr("To correct a harmful score, judge answers of both kinds: those that the judge calls harmful, and others.");
    m_text->setText(lines.join(QLatin1Char('\n')));
}

}  // namespace safequant::workbench
