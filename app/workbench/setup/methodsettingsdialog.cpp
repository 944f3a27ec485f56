// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/methodsettingsdialog.h"

#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QVBoxLayout>

#include "app/workbench/setup/settingfield.h"
#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

namespace {

constexpr int kAskDelay = 150;

}  // namespace

MethodSettingsDialog::MethodSettingsDialog(SetupModel* model, Dialogs* dialogs, QWidget* parent) : QDialog(parent), m_model(model), m_dialogs(dialogs) {
    setObjectName(QStringLiteral("methodSettingsDialog"));
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 12);
    m_title = makeLabel({}, "cardTitle");
    layout->addWidget(m_title);
    m_scroll = new QScrollArea;
    m_scroll->setFrameShape(QFrame::NoFrame);
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    layout->addWidget(m_scroll, 1);
    m_help = makeParagraph({}, "secondary", "muted");
    m_help->setObjectName(QStringLiteral("settingHelp"));
    m_help->setMinimumHeight(m_help->fontMetrics().lineSpacing() * 2);
    m_help->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    layout->addWidget(m_help);
    m_problem = makeParagraph({}, "secondary", "bad");
    m_problem->setObjectName(QStringLiteral("settingsProblem"));
    layout->addWidget(m_problem);
    m_reset = makeLink(tr("Set all to standard"));
    m_reset->setObjectName(QStringLiteral("resetSettings"));
    layout->addWidget(m_reset, 0, Qt::AlignLeft);
    m_use = addDialogButtons(this, layout, tr("Use"), "useSettings");
    m_asking.setSingleShot(true);
    m_asking.setInterval(kAskDelay);
    connect(&m_asking, &QTimer::timeout, this, &MethodSettingsDialog::ask);
    connect(m_use, &QPushButton::clicked, this, &MethodSettingsDialog::accept);
    connect(m_reset, &QPushButton::clicked, this, [this] {
        m_own.clear();
        ask();
    });
}

void MethodSettingsDialog::setPurpose(const QString& title, const QString& verb) {
    m_purpose = title;
    m_use->setText(verb);
}

void MethodSettingsDialog::prepare(SettingsOf of) {
    m_of = of;
    const bool patch = of == SettingsOf::Patch;
    const QString id = patch ? patchOf(m_model->spec()) : methodOf(m_model->spec());
    QString title = id;
    for (const auto& method : m_model->methods())
        if (!patch && QString::fromStdString(method.id) == id) title = QString::fromStdString(method.title);
    for (const auto& known : m_model->patches())
        if (patch && QString::fromStdString(known.id) == id) title = tr("Safety patch: %1").arg(QString::fromStdString(known.title));
    m_title->setText(m_purpose.isEmpty() ? title : tr("%1: %2").arg(m_purpose, title));
    setWindowTitle(!m_purpose.isEmpty() ? m_purpose : patch ? tr("Patch settings") : tr("Method settings"));
    m_problem->hide();
    m_help->setText(tr("Point at a setting to see what it does."));
    m_use->setEnabled(false);
    m_own.clear();
    build({});
    m_model->askSettings(of, m_model->spec(), this, [this](Expected<std::vector<protocol::MethodSetting>> settings) {
        if (settings) {
            for (const auto& setting : *settings)
                if (setting.value != setting.standard) m_own[setting.path] = setting.value;
            build(*settings);
        }
        take(std::move(settings));
    });
}

void MethodSettingsDialog::build(const std::vector<protocol::MethodSetting>& settings) {
    m_fields.clear();
    auto* area = new QWidget;
    auto* columns = new QHBoxLayout(area);
    setSpacing(columns, 0, 0, 12, 0, 28);
    QGridLayout* grids[2];
    int rows[2] = {0, 0}, heights[2] = {0, 0};
    for (QGridLayout*& grid : grids) {
        auto* column = new QVBoxLayout;
        grid = new QGridLayout;
        setSpacing(grid, 0, 0, 0, 0, 7);
        grid->setHorizontalSpacing(14);
        grid->setColumnStretch(1, 1);
        column->addLayout(grid);
        column->addStretch(1);
        columns->addLayout(column, 1);
    }
    int at = 0;
    QString group;
    for (const auto& setting : settings) {
        if (const QString next = QString::fromStdString(setting.group); next != group) {
            group = next;
            at = heights[0] <= heights[1] ? 0 : 1;
            if (rows[at] > 0) grids[at]->setRowMinimumHeight(rows[at]++, 8);
            grids[at]->addWidget(makeLabel(group, "heading"), rows[at]++, 0, 1, 2);
            ++heights[at];
        }
        auto* field = new SettingField(setting, m_dialogs, area);
        m_fields.push_back(field);
        const bool set = setting.kind == "set";
        grids[at]->addWidget(field->name(), rows[at], 0, set ? Qt::AlignTop : Qt::AlignVCenter);
        auto* cell = new QHBoxLayout;
        cell->setSpacing(10);
        cell->addWidget(field->editor());
        cell->addWidget(field->standard(), 1);
        grids[at]->addLayout(cell, rows[at]++, 1);
        // A set takes the height of its members.
        if (set) heights[at] += static_cast<int>(setting.choices.size()) - 1;
        ++heights[at];
        connect(field, &SettingField::edited, this, [this, field] { noteEdit(field); });
        connect(field, &SettingField::visited, this, [this, field] { m_help->setText(field->help()); });
    }
    m_scroll->setWidget(area);
    if (settings.empty()) return;
    const QSize wanted = area->sizeHint() + QSize(m_scroll->verticalScrollBar()->sizeHint().width(), 0);
    const QSize room = parentWidget() != nullptr ? parentWidget()->size() : QSize(1280, 800);
    m_scroll->setMinimumSize(wanted.boundedTo(QSize(room.width() - 80, room.height() - 220)));
    adjustSize();
}

nlohmann::json MethodSettingsDialog::tentativeSpec() const {
    nlohmann::json spec = m_model->spec();
    for (const SettingField* field : m_fields) setField(spec, field->setting().path, nullptr);
    for (const auto& [path, value] : m_own) setField(spec, path, value);
    return spec;
}

void MethodSettingsDialog::noteEdit(const SettingField* field) {
    const auto& setting = field->setting();
    const nlohmann::json value = field->value();
    if (value == setting.standard)
        m_own.erase(setting.path);
    else
        m_own[setting.path] = value;
    m_use->setEnabled(false);
    m_asking.start();
}

void MethodSettingsDialog::ask() {
    m_asking.stop();
    m_model->askSettings(m_of, tentativeSpec(), this, [this](Expected<std::vector<protocol::MethodSetting>> settings) { take(std::move(settings)); });
}

void MethodSettingsDialog::take(Expected<std::vector<protocol::MethodSetting>> settings) {
    // A later edit is about to be asked about.
    if (m_asking.isActive()) return;
    m_problem->setVisible(!settings.has_value());
    m_use->setEnabled(settings.has_value());
    if (!settings) {
        m_problem->setText(asSentence(QString::fromStdString(settings.error().message)));
        return;
    }
    for (std::size_t i = 0; i < settings->size() && i < m_fields.size(); ++i) m_fields[i]->show((*settings)[i]);
    m_reset->setEnabled(!m_own.empty());
}

void MethodSettingsDialog::accept() {
    std::vector<std::pair<std::string, nlohmann::json>> fields;
    for (const SettingField* field : m_fields) {
        const std::string& path = field->setting().path;
        const auto own = m_own.find(path);
        fields.emplace_back(path, own != m_own.end() ? own->second : nlohmann::json());
    }
    m_model->setFields(fields, m_of == SettingsOf::Patch ? tr("Set up the patch") : tr("Set up the method"));
    QDialog::accept();
}

}  // namespace safequant::workbench
