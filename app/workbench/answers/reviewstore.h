// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QUndoStack>
#include <optional>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/run/runstore.h"
#include "core/engine/protocol/review_messages.h"

namespace safequant::workbench {

/// People's verdicts on the open run's answers, kept by the engine with the run.
class ReviewStore : public QObject {
    Q_OBJECT

public:
    /// An answer: index of its prompt, and "base" or "quantized".
    struct Answer {
        int prompt = -1;
        std::string model;
    };

    ReviewStore(EngineClient* client, RunStore* store, QObject* parent = nullptr);

    const protocol::Review& review() const { return m_review; }
    /// The verdict that stands on an answer; null: none.
    const protocol::PersonVerdict* verdict(int prompt, const std::string& model) const;
    /// Why the last verdict was not kept; empty when it was.
    QString problem() const { return m_problem; }
    QUndoStack* undoStack() { return &m_undo; }

    /// Gives a verdict ("refused", "incoherent", "complied") on an answer; empty: takes it back.
    void judge(const Answer& answer, const QString& outcome);
    /// An answer to a malicious prompt that nobody judged yet, drawn at random: of the model and the judge's outcome of which the smallest
    /// share was looked at. Nothing when all were.
    std::optional<Answer> draw() const;

signals:
    void changed();

private:
    class Edit;
    void send(const Answer& answer, const QString& outcome);
    void read();
    void take(Expected<protocol::Review> review);

    EngineClient* m_client;
    RunStore* m_store;
    QString m_folder;
    protocol::Review m_review;
    EngineClient::RequestId m_request = 0;
    QString m_problem;
    QUndoStack m_undo;
};

}  // namespace safequant::workbench
