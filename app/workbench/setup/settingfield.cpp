// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/settingfield.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/workbench/dialogs.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"

namespace safequant::workbench {

using nlohmann::json;

namespace {

constexpr int kDecimals = 6;
constexpr double kHalfStep = 0.5e-6;
constexpr int kNumberWidth = 142;
constexpr int kChoiceWidth = 250;
constexpr int kFileWidth = 130;

/// A number without the zeros behind it that a fixed count of decimals brings.
class NumberBox : public QDoubleSpinBox {
public:
    using QDoubleSpinBox::QDoubleSpinBox;
    QString textFromValue(double value) const override { return QLocale().toString(value, 'g', kDecimals); }
};

}  // namespace

SettingField::SettingField(const protocol::MethodSetting& setting, Dialogs* dialogs, QWidget* parent)
    : QObject(parent), m_setting(setting), m_dialogs(dialogs) {
    const QString help = this->help();
    m_name = makeLabel(QString::fromStdString(setting.title), nullptr, nullptr, parent);
    m_name->setToolTip(help);
    m_standard = makeLabel({}, "secondary", "muted", parent);
    makeEditor(parent);
    m_editor->setObjectName(QString::fromStdString(setting.path));
    m_editor->setAccessibleName(m_name->text());
    m_editor->setAccessibleDescription(help);
    m_name->setBuddy(m_editor);
    QList<QWidget*> watched = m_editor->findChildren<QWidget*>();
    watched << m_editor << m_name;
    for (QWidget* widget : watched) widget->installEventFilter(this);
    show(setting);
}

QString SettingField::help() const {
    QString help = QString::fromStdString(m_setting.help);
    if (m_setting.kind != "whole" && m_setting.kind != "number") return help;
    const auto text = [](double number) { return QLocale().toString(number, 'g', kDecimals); };
    help += QLatin1Char(' ') + tr("Between %1 and %2").arg(text(m_setting.low), text(m_setting.high));
    if (!m_setting.unit.empty()) help += QLatin1Char(' ') + QString::fromStdString(m_setting.unit);
    return help + QLatin1Char('.');
}

void SettingField::makeFileEditor(QWidget* parent) {
    m_editor = new QWidget(parent);
    auto* row = new QHBoxLayout(m_editor);
    setSpacing(row, 0, 0, 0, 0, 8);
    m_fileName = new widgets::ElidedLabel;
    m_fileName->setElideMode(Qt::ElideMiddle);
    m_fileName->setMinimumWidth(kFileWidth);
    m_choose = makeLink(tr("Choose ..."));
    m_choose->setObjectName(QString::fromStdString(m_setting.path) + QStringLiteral(".choose"));
    m_choose->setAccessibleName(tr("Choose a file: %1").arg(QString::fromStdString(m_setting.title)));
    m_clear = makeLink(tr("None"));
    m_clear->setObjectName(QString::fromStdString(m_setting.path) + QStringLiteral(".clear"));
    m_clear->setAccessibleName(tr("Use no file: %1").arg(QString::fromStdString(m_setting.title)));
    row->addWidget(m_fileName, 1);
    row->addWidget(m_clear);
    row->addWidget(m_choose);
    m_editor->setFocusProxy(m_choose);
    const auto take = [this](const QString& path) {
        m_file = path;
        showFile();
        emit edited();
    };
    connect(m_choose, &QPushButton::clicked, this, [this, take] {
        const QString path = m_dialogs->choosePairsFile(m_editor, m_file.isEmpty() ? QString() : QFileInfo(m_file).absolutePath());
        if (!path.isEmpty()) take(path);
    });
    connect(m_clear, &QPushButton::clicked, this, [take] { take({}); });
    showFile();
}

void SettingField::showFile() {
    m_fileName->setText(m_file.isEmpty() ? tr("none") : QFileInfo(m_file).fileName());
    m_fileName->setToolTip(m_file);
    m_clear->setVisible(!m_file.isEmpty());
}

void SettingField::makeEditor(QWidget* parent) {
    const auto changed = [this] {
        if (!m_showing) emit edited();
    };
    const QString suffix = m_setting.unit.empty() ? QString() : QLatin1Char(' ') + QString::fromStdString(m_setting.unit);
    if (m_setting.kind == "truth") {
        auto* box = new QCheckBox(parent);
        connect(box, &QCheckBox::toggled, this, changed);
        m_editor = box;
    } else if (m_setting.kind == "whole") {
        auto* box = new QSpinBox(parent);
        box->setRange(static_cast<int>(m_setting.low), static_cast<int>(m_setting.high));
        box->setSuffix(suffix);
        box->setMinimumWidth(kNumberWidth);
        connect(box, &QSpinBox::valueChanged, this, changed);
        m_editor = box;
    } else if (m_setting.kind == "number") {
        auto* box = new NumberBox(parent);
        box->setDecimals(kDecimals);
        box->setRange(m_setting.low, m_setting.high);
        box->setSuffix(suffix);
        box->setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
        box->setMinimumWidth(kNumberWidth);
        connect(box, &QDoubleSpinBox::valueChanged, this, changed);
        m_editor = box;
    } else if (m_setting.kind == "choice") {
        auto* box = new QComboBox(parent);
        for (const auto& choice : m_setting.choices) box->addItem(QString::fromStdString(choice.title));
        box->setMinimumWidth(kChoiceWidth);
        connect(box, &QComboBox::currentIndexChanged, this, changed);
        m_editor = box;
    } else if (m_setting.kind == "file") {
        makeFileEditor(parent);
    } else {
        m_editor = new QWidget(parent);
        auto* column = new QVBoxLayout(m_editor);
        setSpacing(column, 0, 0, 0, 0, 4);
        for (const auto& choice : m_setting.choices) {
            m_members << new QCheckBox(QString::fromStdString(choice.title));
            column->addWidget(m_members.back());
            connect(m_members.back(), &QCheckBox::toggled, this, changed);
        }
        if (!m_members.isEmpty()) m_editor->setFocusProxy(m_members.front());
    }
}

json SettingField::value() const {
    if (m_fileName != nullptr) return m_file.toStdString();
    if (auto* box = qobject_cast<QCheckBox*>(m_editor)) return box->isChecked();
    if (auto* box = qobject_cast<QSpinBox*>(m_editor)) return box->value();
    if (auto* box = qobject_cast<QDoubleSpinBox*>(m_editor)) {
        // A value with more decimals than are kept stays what it was until it is edited.
        const double before = m_setting.value.is_number() ? m_setting.value.get<double>() : 0.0;
        return std::abs(box->value() - before) < kHalfStep ? before : box->value();
    }
    if (auto* box = qobject_cast<QComboBox*>(m_editor)) return m_setting.choices.at(static_cast<std::size_t>(std::max(box->currentIndex(), 0))).value;
    json chosen = json::array();
    for (int i = 0; i < m_members.size(); ++i)
        if (m_members[i]->isChecked()) chosen.push_back(m_setting.choices[static_cast<std::size_t>(i)].value);
    return chosen;
}

void SettingField::setValue(const json& value) {
    if (m_fileName != nullptr) {
        m_file = value.is_string() ? QString::fromStdString(value.get<std::string>()) : QString();
        showFile();
    } else if (auto* box = qobject_cast<QCheckBox*>(m_editor)) {
        box->setChecked(value.is_boolean() && value.get<bool>());
    } else if (auto* spin = qobject_cast<QSpinBox*>(m_editor)) {
        if (value.is_number()) spin->setValue(value.get<int>());
    } else if (auto* number = qobject_cast<QDoubleSpinBox*>(m_editor)) {
        if (value.is_number()) number->setValue(value.get<double>());
    } else if (auto* list = qobject_cast<QComboBox*>(m_editor)) {
        const auto found = std::find_if(m_setting.choices.begin(), m_setting.choices.end(), [&](const auto& choice) { return choice.value == value; });
        list->setCurrentIndex(found == m_setting.choices.end() ? -1 : static_cast<int>(found - m_setting.choices.begin()));
    } else {
        for (int i = 0; i < m_members.size(); ++i) {
            const json& member = m_setting.choices[static_cast<std::size_t>(i)].value;
            m_members[i]->setChecked(value.is_array() && std::find(value.begin(), value.end(), member) != value.end());
        }
    }
}

void SettingField::show(const protocol::MethodSetting& setting) {
    m_setting = setting;
    m_showing = true;
    // What is being typed is not overwritten by what the engine made of the beginning of it.
    if (value() != setting.value) setValue(setting.value);
    m_showing = false;
    const bool own = setting.value != setting.standard;
    QFont font = m_name->font();
    font.setBold(own);
    m_name->setFont(font);
    m_standard->setText(own ? tr("standard %1").arg(textOf(setting.standard)) : QString());
}

QString SettingField::textOf(const json& value) const {
    if (value.is_boolean()) return value.get<bool>() ? tr("on") : tr("off");
    if (value.is_number_integer()) return QLocale().toString(value.get<qlonglong>());
    if (value.is_number()) return QLocale().toString(value.get<double>(), 'g', kDecimals);
    if (value.is_string() && m_fileName != nullptr && !value.get<std::string>().empty()) return QFileInfo(QString::fromStdString(value.get<std::string>())).fileName();
    QStringList titles;
    for (const auto& choice : m_setting.choices)
        if (choice.value == value || (value.is_array() && std::find(value.begin(), value.end(), choice.value) != value.end()))
            titles << QString::fromStdString(choice.title);
    return titles.isEmpty() ? tr("none") : titles.join(QStringLiteral(", "));
}

bool SettingField::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Enter || event->type() == QEvent::FocusIn) emit visited();
    return QObject::eventFilter(watched, event);
}

}  // namespace safequant::workbench
