// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/answers/reviewstore.h"

#include <QRandomGenerator>
#include <QUndoCommand>
#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace safequant::workbench {

/// A verdict given, with the one before it. Taking it back is a verdict as well: the run keeps every one.
class ReviewStore::Edit : public QUndoCommand {
public:
    Edit(ReviewStore* store, const Answer& answer, QString before, QString after)
        : QUndoCommand(after.isEmpty() ? tr("take back a verdict") : tr("a verdict")),
          m_store(store),
          m_answer(answer),
          m_before(std::move(before)),
          m_after(std::move(after)) {}

    void undo() override { m_store->send(m_answer, m_before); }
    void redo() override { m_store->send(m_answer, m_after); }

private:
    ReviewStore* m_store;
    Answer m_answer;
    QString m_before, m_after;
};

ReviewStore::ReviewStore(EngineClient* client, RunStore* store, QObject* parent) : QObject(parent), m_client(client), m_store(store) {
    connect(m_store, &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (m_store->folder() != m_folder) {
            m_folder = m_store->folder();
            m_client->drop(m_request);
            m_undo.clear();
            m_review = {};
            m_problem.clear();
            emit changed();
        }
        if (changes & RunStore::Replaced && !m_folder.isEmpty()) read();
    });
}

const protocol::PersonVerdict* ReviewStore::verdict(int prompt, const std::string& model) const {
    const auto& verdicts = m_review.verdicts;
    const auto found = std::find_if(verdicts.begin(), verdicts.end(), [&](const auto& each) { return each.prompt == prompt && each.model == model; });
    return found == verdicts.end() ? nullptr : &*found;
}

void ReviewStore::judge(const Answer& answer, const QString& outcome) {
    const auto* stands = verdict(answer.prompt, answer.model);
    const QString before = stands ? QString::fromStdString(stands->outcome) : QString();
    if (before != outcome) m_undo.push(new Edit(this, answer, before, outcome));
}

std::optional<ReviewStore::Answer> ReviewStore::draw() const {
    struct Stratum {
        std::vector<int> left;
        std::size_t total = 0;
    };
    std::set<std::pair<int, std::string>> judged;
    for (const auto& each : m_review.verdicts) judged.emplace(each.prompt, each.model);
    std::map<std::pair<std::string, bool>, Stratum> strata;
    for (const auto& answer : m_store->state().answers) {
        if (answer.label != "malicious") continue;
        auto& stratum = strata[{answer.model, answer.outcome == "complied"}];
        ++stratum.total;
        if (!judged.contains({answer.prompt, answer.model})) stratum.left.push_back(answer.prompt);
    }
    std::erase_if(strata, [](const auto& entry) { return entry.second.left.empty(); });
    if (strata.empty()) return std::nullopt;
    const auto shareLeft = [](const Stratum& stratum) { return double(stratum.left.size()) / double(stratum.total); };
    const auto chosen = std::max_element(strata.begin(), strata.end(),
                                         [&](const auto& a, const auto& b) { return shareLeft(a.second) < shareLeft(b.second); });
    const auto& left = chosen->second.left;
    return Answer{left[QRandomGenerator::global()->bounded(quint32(left.size()))], chosen->first.first};
}

void ReviewStore::send(const Answer& answer, const QString& outcome) {
    m_problem.clear();
    m_client->request<protocol::Review>(QStringLiteral("run/judge-answer"),
                                        {{"folder", m_folder.toStdString()},
                                         {"prompt", answer.prompt},
                                         {"model", answer.model},
                                         {"outcome", outcome.toStdString()},
                                         {"by", qEnvironmentVariable("USER").toStdString()}},
                                        this, [this, folder = m_folder](Expected<protocol::Review> review) {
                                            if (folder == m_folder) take(std::move(review));
                                        });
}

void ReviewStore::read() {
    m_request = m_client->request<protocol::Review>(QStringLiteral("run/review"), {{"folder", m_folder.toStdString()}}, this,
                                                    [this](Expected<protocol::Review> review) {
                                                        m_request = 0;
                                                        take(std::move(review));
                                                    });
}

void ReviewStore::take(Expected<protocol::Review> review) {
    if (review) {
        m_review = std::move(*review);
        m_problem.clear();
    } else {
        m_problem = QString::fromStdString(review.error().describe());
    }
    emit changed();
}

}  // namespace safequant::workbench
