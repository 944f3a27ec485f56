// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <map>
#include <memory>

#include "app/workbench/engine/engineclient.h"

namespace safequant::workbench {

/// The inputs of a run's linears: measured by the engine when somebody asks, block by block, and kept until another run is open.
class InputsMeasurement : public QObject {
    Q_OBJECT

public:
    enum class State { None, Running, Stopped, Failed, Done };
    using Inputs = std::shared_ptr<const protocol::BlockInputs>;

    explicit InputsMeasurement(EngineClient* client, QObject* parent = nullptr);

    /// Forgets everything and serves this run from now on.
    void setFolder(const QString& folder);
    /// Measures anew; what ran for another model ends.
    void start(const std::string& model);
    void stop();

    State state(const std::string& model) const;
    /// Inputs of a block; null when it was not reached.
    Inputs inputs(const std::string& model, int block) const;
    /// The highest block reached; -1: none.
    int reached(const std::string& model) const;
    QString problem() const { return m_problem; }

signals:
    void changed();

private:
    struct Kept {
        State state = State::None;
        std::map<int, Inputs> blocks;
    };
    void end(qint64 ticket, const QString& problem);

    EngineClient* m_client;
    QString m_folder;
    std::map<std::string, Kept> m_kept;
    std::string m_model;     ///< Of the one at work.
    qint64 m_ticket = 0;
    QString m_problem;
};

}  // namespace safequant::workbench
