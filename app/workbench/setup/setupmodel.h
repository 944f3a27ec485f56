// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTimer>
#include <QUndoStack>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/setup/fact.h"
#include "app/workbench/setup/runspec.h"
#include "core/engine/protocol/settings_messages.h"

namespace safequant::workbench {

/// Whose settings are asked for.
enum class SettingsOf : std::uint8_t { Method, Patch };

/// The run being set up: its spec, every edit with undo, and what the engine says about checkpoint, prompts, sample and plan.
class SetupModel : public QObject {
    Q_OBJECT

public:
    explicit SetupModel(EngineClient* client, QObject* parent = nullptr);

    bool hasSpec() const { return !m_spec.is_null(); }
    const nlohmann::json& spec() const { return m_spec; }
    /// What `run/start` gets: the spec with its name brought up to date.
    nlohmann::json specToRun() const;
    QUndoStack* undoStack() { return &m_undo; }

    /// Another spec altogether; undo starts afresh.
    void setSpec(nlohmann::json spec);
    /// One edit with a name for undo. Edits in a row with the same `mergeId` >= 0 undo as one.
    void edit(const QString& name, const std::function<void(nlohmann::json&)>& change, int mergeId = -1);

    /// A path or a name on the hub, and the LoRA adapters merged into it, in this order.
    void setModel(const QString& checkpoint, const QStringList& adapters);
    /// LoRA adapters merged into the model, in this order.
    void setAdapters(const QStringList& folders);
    /// Files and split as a run spec has them.
    void setPrompts(const nlohmann::json& files, const nlohmann::json& split);
    /// Also of the samples a calibrated method learns from, whose number stays.
    void setMaliciousFraction(double fraction);
    void setMethod(const QString& id);
    /// How the outcome is patched; empty: not at all. Which prompts and steps there are stays when the way changes to another of its
    /// kind.
    void setPatch(const QString& id);
    /// Fields of the spec by their dotted paths, all of them one edit; null removes a field.
    void setFields(const std::vector<std::pair<std::string, nlohmann::json>>& fields, const QString& name);
    /// What a spec's method, or its patch, can be told; the answer may be an error that says what is wrong with the spec.
    void askSettings(SettingsOf of, const nlohmann::json& spec, QObject* receiver, std::function<void(Expected<std::vector<protocol::MethodSetting>>)> answer);
    /// Adapters that make the aligned model of the run's checkpoint.
    void setAlignedAdapters(const QStringList& folders);
    /// A file with its signature in their place; empty: none.
    void setSignature(const QString& path);
    /// Whether both models are evaluated, and the spec's "evaluation".
    void setEvaluation(bool evaluate, const nlohmann::json& evaluation);
    /// What the engine offers; empty while it has not introduced itself.
    const protocol::EngineInfo& engineInfo() const { return m_client->info(); }
    /// Methods of the engine; none while it has not introduced itself.
    const std::vector<protocol::MethodInfo>& methods() const;
    const std::vector<protocol::PatchInfo>& patches() const;
    void setDefaultScheme(const LinearScheme& scheme, const QString& name, int mergeId = -1);
    void setRuleList(const std::vector<SchemeRule>& rules, const QString& name);

    const Fact<protocol::CheckpointInfo>& checkpoint() const { return m_checkpoint; }
    const Fact<protocol::PromptSetInfo>& prompts() const { return m_prompts; }
    const Fact<protocol::CalibrationPreview>& sample() const { return m_sample; }
    const Fact<protocol::RunPlan>& plan() const { return m_plan; }

    /// Group sizes that divide the columns of every linear, ascending; -1 (per channel) last. Without a known checkpoint only
    /// the present one and -1.
    QList<int> groupSizes() const;
    /// Why the run cannot be started, in one sentence; empty when it can.
    QString obstacle() const;

signals:
    void methodsChanged();
    void specChanged();
    void checkpointChanged();
    void promptsChanged();
    void sampleChanged();
    void planChanged();

private:
    class Edit;

    void apply(const nlohmann::json& spec);
    void refresh();
    void askCheckpoint();
    void askPrompts();
    void askSample();
    void askPlan();
    void askAgain();

    EngineClient* m_client;
    QUndoStack m_undo;
    nlohmann::json m_spec;
    nlohmann::json m_askedCheckpoint, m_askedPrompts, m_askedSample, m_askedPlan;
    Fact<protocol::CheckpointInfo> m_checkpoint;
    Fact<protocol::PromptSetInfo> m_prompts;
    Fact<protocol::CalibrationPreview> m_sample;
    Fact<protocol::RunPlan> m_plan;
    EngineClient::RequestId m_checkpointRequest = 0, m_promptsRequest = 0, m_sampleRequest = 0, m_planRequest = 0, m_settingsRequest = 0;
    QTimer m_sampleTimer, m_planTimer;
};

}  // namespace safequant::workbench
