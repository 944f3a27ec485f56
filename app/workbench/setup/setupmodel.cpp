// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/setupmodel.h"

#include <QUndoCommand>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace safequant::workbench {

namespace {

constexpr int kSampleDelay = 120;
constexpr int kPlanDelay = 300;
constexpr int kSmallestGroup = 16;
constexpr int kLargestGroup = 512;

/// What the engine is asked about the prompts of a spec.
nlohmann::json promptQuestion(const nlohmann::json& spec) {
    const bool given = spec.is_object() && spec.contains("prompts");
    return {{"files", given ? spec["prompts"] : nlohmann::json::array({"builtin:default"})}, {"split", splitOf(spec)}, {"seed", seedOf(spec)}};
}

}  // namespace

/// A change of the spec, kept as the two specs: they are small, and any edit can be undone the same way.
class SetupModel::Edit : public QUndoCommand {
public:
    Edit(SetupModel* model, const QString& name, nlohmann::json after, int mergeId)
        : QUndoCommand(name), m_model(model), m_before(model->m_spec), m_after(std::move(after)), m_mergeId(mergeId) {}

    int id() const override { return m_mergeId; }
    void undo() override { m_model->apply(m_before); }
    void redo() override { m_model->apply(m_after); }
    bool mergeWith(const QUndoCommand* other) override {
        m_after = static_cast<const Edit*>(other)->m_after;
        setObsolete(m_after == m_before);
        return true;
    }

private:
    SetupModel* m_model;
    nlohmann::json m_before, m_after;
    int m_mergeId;
};

SetupModel::SetupModel(EngineClient* client, QObject* parent) : QObject(parent), m_client(client) {
    for (auto [timer, delay] : {std::pair(&m_sampleTimer, kSampleDelay), std::pair(&m_planTimer, kPlanDelay)}) {
        timer->setSingleShot(true);
        timer->setInterval(delay);
    }
    connect(&m_sampleTimer, &QTimer::timeout, this, &SetupModel::askSample);
    connect(&m_planTimer, &QTimer::timeout, this, &SetupModel::askPlan);
    connect(m_client, &EngineClient::stateChanged, this, [this](EngineClient::State state) {
        if (state != EngineClient::State::Ready) return;
        emit methodsChanged();
        askAgain();
    });
    connect(m_client, &EngineClient::addressChanged, this, [this] {
        // What another engine found on another machine says nothing about this one's.
        m_checkpoint.clear();
        m_prompts.clear();
        m_sample.clear();
        m_plan.clear();
        for (auto signal : {&SetupModel::checkpointChanged, &SetupModel::promptsChanged, &SetupModel::sampleChanged, &SetupModel::planChanged}) emit (this->*signal)();
    });
}

nlohmann::json SetupModel::specToRun() const {
    nlohmann::json spec = m_spec;
    spec["name"] = runNameFor(spec).toStdString();
    return spec;
}

void SetupModel::setSpec(nlohmann::json spec) {
    m_undo.clear();
    apply(spec);
}

void SetupModel::edit(const QString& name, const std::function<void(nlohmann::json&)>& change, int mergeId) {
    nlohmann::json after = m_spec;
    change(after);
    if (after == m_spec) return;
    m_undo.push(new Edit(this, name, std::move(after), mergeId));
}

void SetupModel::setModel(const QString& checkpoint, const QStringList& adapters) {
    if (!hasSpec()) {
        setSpec(defaultRunSpec(checkpoint, adapters));
        return;
    }
    edit(tr("Choose a model"), [&](nlohmann::json& spec) {
        spec["checkpoint"] = checkpoint.toStdString();
        writeAdapters(spec, adapters);
    });
}

void SetupModel::setAdapters(const QStringList& folders) {
    edit(tr("Choose LoRA adapters"), [&](nlohmann::json& spec) { writeAdapters(spec, folders); });
}

void SetupModel::setPrompts(const nlohmann::json& files, const nlohmann::json& split) {
    edit(tr("Choose prompts"), [&](nlohmann::json& spec) {
        spec["prompts"] = files;
        spec["split"] = split;
    });
}

void SetupModel::setMaliciousFraction(double fraction) {
    edit(
        tr("Set the malicious fraction"),
        [&](nlohmann::json& spec) {
            spec["mix"]["malicious_fraction"] = fraction;
            const CalibrationCounts counts = calibrationOf(spec);
            const int chats = counts.malicious + counts.benign;
            const int malicious = static_cast<int>(std::lround(fraction * chats));
            spec["calibration"]["malicious"] = malicious;
            spec["calibration"]["benign"] = chats - malicious;
        },
        1);
}

void SetupModel::setMethod(const QString& id) {
    edit(tr("Choose a method"), [&](nlohmann::json& spec) {
        spec["quantization"]["method"] = id.toStdString();
        // What the method before it was told means nothing to this one.
        spec["quantization"].erase("learning");
        spec["quantization"].erase("options");
        spec["quantization"].erase("tuning");
        const auto chosen = std::find_if(methods().begin(), methods().end(), [&](const auto& method) { return QString::fromStdString(method.id) == id; });
        if (!signatureOf(spec).isEmpty() && chosen != methods().end() && !chosen->realigns) spec.erase("aligned");
    });
}

void SetupModel::setPatch(const QString& id) {
    edit(tr("Choose a patch"), [&](nlohmann::json& spec) {
        auto& quantization = spec["quantization"];
        if (id.isEmpty()) {
            quantization.erase("patch");
            return;
        }
        auto& patch = quantization["patch"];
        const auto kindOf = [&](const std::string& method) {
            const auto found = std::find_if(patches().begin(), patches().end(), [&](const auto& each) { return each.id == method; });
            return found == patches().end() ? std::string() : found->kind;
        };
        // Patches of another kind have other fields.
        if (!patch.is_object() || kindOf(patchOf(spec).toStdString()) != kindOf(id.toStdString())) patch = nlohmann::json::object();
        patch["method"] = id.toStdString();
        // The way sets the losses' terms and the mask, and of kept weights the share.
        for (const char* field : {"preference_weight", "chosen_weight", "mask", "lambda", "limit", "pretrained"}) patch.erase(field);
        if (kindOf(id.toStdString()) == "keep") patch.erase("share");
    });
}

void SetupModel::setFields(const std::vector<std::pair<std::string, nlohmann::json>>& fields, const QString& name) {
    edit(name, [&](nlohmann::json& spec) {
        for (const auto& [path, value] : fields) setField(spec, path, value);
    });
}

void SetupModel::askSettings(SettingsOf of, const nlohmann::json& spec, QObject* receiver,
                             std::function<void(Expected<std::vector<protocol::MethodSetting>>)> answer) {
    m_client->drop(m_settingsRequest);
    m_settingsRequest = m_client->request<std::vector<protocol::MethodSetting>>(
        QStringLiteral("run/settings"), {{"spec", spec}, {"of", of == SettingsOf::Patch ? "patch" : "method"}}, receiver, std::move(answer));
}

void SetupModel::setAlignedAdapters(const QStringList& folders) {
    edit(tr("Choose the aligned model"), [&](nlohmann::json& spec) {
        spec["aligned"]["adapters"] = nlohmann::json::array();
        for (const QString& folder : folders) spec["aligned"]["adapters"].push_back(folder.toStdString());
    });
}

void SetupModel::setSignature(const QString& path) {
    edit(tr("Choose the aligned model's signature"), [&](nlohmann::json& spec) {
        spec.erase("aligned");
        if (!path.isEmpty()) spec["aligned"]["signature"] = path.toStdString();
        // An objective and its weights follow what is known of the aligned model.
        if (auto& quantization = spec["quantization"]; quantization.contains("learning"))
            for (const char* field : {"objective", "error_metric", "benign_weight", "benign_last_token_weight", "malicious_weight", "last_token_weight",
                                      "probe_malicious_weight", "probe_benign_weight", "margin", "gain", "tail", "shift_control"})
                quantization["learning"].erase(field);
    });
}

void SetupModel::setEvaluation(bool evaluate, const nlohmann::json& evaluation) {
    edit(tr("Choose the evaluation"), [&](nlohmann::json& spec) {
        auto stages = spec.value("stages", nlohmann::json::array({"capture", "quantize", "evaluate"}));
        const auto found = std::find(stages.begin(), stages.end(), "evaluate");
        if (evaluate && found == stages.end()) stages.push_back("evaluate");
        if (!evaluate && found != stages.end()) stages.erase(found);
        spec["stages"] = stages;
        spec["evaluation"] = evaluation;
    });
}

const std::vector<protocol::MethodInfo>& SetupModel::methods() const { return m_client->info().methods; }

const std::vector<protocol::PatchInfo>& SetupModel::patches() const { return m_client->info().patches; }

void SetupModel::setDefaultScheme(const LinearScheme& scheme, const QString& name, int mergeId) {
    edit(name, [&](nlohmann::json& spec) { spec["quantization"]["default"] = schemeToJson(scheme); }, mergeId);
}

void SetupModel::setRuleList(const std::vector<SchemeRule>& rules, const QString& name) {
    edit(name, [&](nlohmann::json& spec) { setRules(spec, rules); });
}

QList<int> SetupModel::groupSizes() const {
    QList<int> sizes;
    int columns = 0;
    if (m_checkpoint.known()) {
        for (const int value : m_checkpoint.value.linearCols) columns = std::gcd(columns, value);
    }
    for (int size = kSmallestGroup; size <= kLargestGroup && columns > 0; size += kSmallestGroup) {
        if (columns % size == 0) sizes.append(size);
    }
    if (columns == 0) {
        const int present = defaultSchemeOf(m_spec).groupSize;
        if (present > 0) sizes.append(present);
    }
    sizes.append(-1);
    return sizes;
}

QString SetupModel::obstacle() const {
    if (!hasSpec() || checkpointOf(m_spec).isEmpty()) return tr("Choose a model first.");
    if (m_client->state() == EngineClient::State::Failed) return tr("The engine is not running.");
    if (m_checkpoint.wrong()) return tr("The model cannot be read.");
    if (m_prompts.wrong()) return tr("The prompts cannot be read.");
    if (m_sample.wrong()) return tr("The calibration sample cannot be drawn.");
    if (m_plan.wrong()) return tr("The bits cannot be planned.");
    if (!m_checkpoint.known() || !m_prompts.known()) return tr("Reading the model and the prompts.");
    return {};
}

void SetupModel::apply(const nlohmann::json& spec) {
    m_spec = spec;
    refresh();
    emit specChanged();
}

void SetupModel::refresh() {
    if (checkpointQuestion(checkpointOf(m_spec), adaptersOf(m_spec)) != m_askedCheckpoint) askCheckpoint();
    if (promptQuestion(m_spec) != m_askedPrompts) askPrompts();
    m_sampleTimer.start();
    m_planTimer.start();
}

void SetupModel::askAgain() {
    if (!hasSpec()) return;
    if (!m_checkpoint.known()) m_askedCheckpoint = nullptr;
    if (!m_prompts.known()) m_askedPrompts = nullptr;
    if (!m_sample.known()) m_askedSample = nullptr;
    if (!m_plan.known()) m_askedPlan = nullptr;
    refresh();
}

void SetupModel::askCheckpoint() {
    m_askedCheckpoint = checkpointQuestion(checkpointOf(m_spec), adaptersOf(m_spec));
    m_client->drop(m_checkpointRequest);
    if (checkpointOf(m_spec).isEmpty()) {
        m_checkpoint.clear();
        emit checkpointChanged();
        return;
    }
    m_checkpoint.load();
    emit checkpointChanged();
    m_checkpointRequest = m_client->request<protocol::CheckpointInfo>(
        QStringLiteral("checkpoint/open"), m_askedCheckpoint, this, [this](Expected<protocol::CheckpointInfo> info) {
            m_checkpoint.take(std::move(info));
            emit checkpointChanged();
        });
}

void SetupModel::askPrompts() {
    m_askedPrompts = promptQuestion(m_spec);
    m_client->drop(m_promptsRequest);
    m_prompts.load();
    emit promptsChanged();
    m_promptsRequest = m_client->request<protocol::PromptSetInfo>(QStringLiteral("prompts/validate"), m_askedPrompts, this,
                                                                  [this](Expected<protocol::PromptSetInfo> info) {
                                                                      m_prompts.take(std::move(info));
                                                                      emit promptsChanged();
                                                                  });
}

void SetupModel::askSample() {
    nlohmann::json params = m_askedPrompts;
    params["mix"] = m_spec.value("mix", nlohmann::json::object());
    if (params == m_askedSample) return;
    m_askedSample = params;
    m_client->drop(m_sampleRequest);
    m_sample.load();
    m_sampleRequest = m_client->request<protocol::CalibrationPreview>(QStringLiteral("prompts/sample"), params, this,
                                                                      [this](Expected<protocol::CalibrationPreview> sample) {
                                                                          m_sample.take(std::move(sample));
                                                                          emit sampleChanged();
                                                                      });
}

void SetupModel::askPlan() {
    if (checkpointOf(m_spec).isEmpty()) {
        m_plan.clear();
        emit planChanged();
        return;
    }
    if (m_spec == m_askedPlan) return;
    m_askedPlan = m_spec;
    m_client->drop(m_planRequest);
    m_plan.load();
    emit planChanged();
    m_planRequest = m_client->request<protocol::RunPlan>(
        QStringLiteral("run/plan"), {{"spec", m_spec}, {"workspace", m_client->workspace().toStdString()}}, this,
        [this](Expected<protocol::RunPlan> plan) {
            m_plan.take(std::move(plan));
            emit planChanged();
        });
}

}  // namespace safequant::workbench
