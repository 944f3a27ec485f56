// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/engine/enginesdialog.h"

#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

namespace {

constexpr int kListWidth = 200;
constexpr int kWidth = 780;
constexpr int kHeight = 440;
constexpr int kLargestPort = 65535;

}  // namespace

EnginesDialog::EnginesDialog(Session* session, QWidget* parent) : QDialog(parent), m_session(session) {
    setObjectName(QStringLiteral("enginesDialog"));
    setWindowTitle(tr("Engines"));
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 14);
    layout->addWidget(makeLabel(tr("Engines"), "cardTitle"));
    layout->addWidget(makeParagraph(tr("The engine computes; this window shows. It runs on this machine, or on another one that ssh reaches, with the models and "
                                       "prompts that lie there."),
                                    nullptr, "muted"));
    auto* columns = new QHBoxLayout;
    columns->setSpacing(24);
    columns->addLayout(makeList());
    columns->addLayout(makeForm(), 1);
    layout->addLayout(columns, 1);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    m_said = makeParagraph({}, "secondary", "muted");
    m_said->setObjectName(QStringLiteral("engineTest"));
    buttons->addWidget(m_said, 1);
    auto* close = new QPushButton(tr("Close"));
    close->setAutoDefault(false);
    buttons->addWidget(close);
    m_use = new QPushButton(tr("Use this engine"));
    m_use->setObjectName(QStringLiteral("useEngine"));
    m_use->setProperty("primary", true);
    m_use->setAutoDefault(false);
    buttons->addWidget(m_use);
    layout->addLayout(buttons);
    resize(kWidth, kHeight);
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
    connect(m_use, &QPushButton::clicked, this, [this] {
        const EngineAddress address = selected();
        accept();
        emit useRequested(address);
    });
    connect(this, &QDialog::finished, this, [this] { m_tested.reset(); });
}

QLayout* EnginesDialog::makeList() {
    auto* layout = new QVBoxLayout;
    layout->setSpacing(8);
    m_list = new QListWidget;
    m_list->setObjectName(QStringLiteral("engineList"));
    m_list->setAccessibleName(tr("Engines"));
    m_list->setFixedWidth(kListWidth);
    layout->addWidget(m_list, 1);
    auto* row = new QHBoxLayout;
    row->setSpacing(12);
    QPushButton* more = makeLink(tr("Add ..."));
    more->setObjectName(QStringLiteral("addEngine"));
    more->setAccessibleName(tr("Add an engine on another machine"));
    more->setAutoDefault(false);
    row->addWidget(more);
    m_remove = makeLink(tr("Remove"));
    m_remove->setObjectName(QStringLiteral("removeEngine"));
    m_remove->setAutoDefault(false);
    row->addWidget(m_remove);
    row->addStretch(1);
    layout->addLayout(row);
    connect(m_list, &QListWidget::currentRowChanged, this, [this] {
        if (!m_refreshing) showSelected();
    });
    connect(more, &QPushButton::clicked, this, &EnginesDialog::add);
    connect(m_remove, &QPushButton::clicked, this, &EnginesDialog::remove);
    return layout;
}

QLayout* EnginesDialog::makeForm() {
    auto* layout = new QVBoxLayout;
    layout->setSpacing(10);
    m_title = makeLabel({}, "heading");
    layout->addWidget(m_title);
    m_text = makeParagraph({}, nullptr, "muted");
    layout->addWidget(m_text);
    m_form = new QWidget;
    auto* grid = new QGridLayout(m_form);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(12);
    grid->setVerticalSpacing(8);
    m_name = addField(grid, tr("Name"), "engineName", {}, tr("How the window calls it"));
    m_host = addField(grid, tr("Host"), "engineHost", tr("name, user@name, or a Host of ~/.ssh/config"), tr("As ssh understands it"));
    m_port = new QSpinBox;
    m_port->setObjectName(QStringLiteral("enginePort"));
    m_port->setAccessibleName(tr("Port"));
    m_port->setRange(0, kLargestPort);
    m_port->setSpecialValueText(tr("ssh's own"));
    m_port->setButtonSymbols(QAbstractSpinBox::NoButtons);
    QLabel* port = makeLabel(tr("Port"));
    port->setBuddy(m_port);
    grid->addWidget(port, grid->rowCount(), 0);
    grid->addWidget(m_port, grid->rowCount() - 1, 1, Qt::AlignLeft);
    m_command = addField(grid, tr("Command there"), "engineCommand", QString::fromLatin1(EngineAddress::kDefaultCommand),
                         tr("Given to the shell there; nothing but the engine may write to its output"));
    m_workspace = addField(grid, tr("Workspace there"), "engineWorkspace", tr("The engine's own"), tr("Folder of that machine for runs and files copied to it"));
    grid->setColumnStretch(1, 1);
    layout->addWidget(m_form);
    m_test = new QPushButton(tr("Test the connection"));
    m_test->setObjectName(QStringLiteral("testEngine"));
    m_test->setAutoDefault(false);
    layout->addWidget(m_test, 0, Qt::AlignLeft);
    layout->addStretch(1);
    for (QLineEdit* field : {m_name, m_host, m_command, m_workspace}) connect(field, &QLineEdit::textEdited, this, &EnginesDialog::takeFields);
    connect(m_name, &QLineEdit::editingFinished, this, [this] { m_name->setText(selected().name); });
    connect(m_port, &QSpinBox::valueChanged, this, &EnginesDialog::takeFields);
    connect(m_test, &QPushButton::clicked, this, &EnginesDialog::test);
    return layout;
}

QLineEdit* EnginesDialog::addField(QGridLayout* grid, const QString& title, const char* name, const QString& placeholder, const QString& tip) {
    auto* field = new QLineEdit;
    field->setObjectName(QString::fromLatin1(name));
    field->setAccessibleName(title);
    field->setPlaceholderText(placeholder);
    field->setToolTip(tip);
    QLabel* label = makeLabel(title);
    label->setBuddy(field);
    const int row = grid->rowCount();
    grid->addWidget(label, row, 0);
    grid->addWidget(field, row, 1);
    return field;
}

void EnginesDialog::prepare() {
    const EngineAddress& used = m_session->client()->address();
    std::size_t current = 0;
    if (used.remote()) {
        current = m_session->engines()->find(used.name);
        if (current == m_session->engines()->engines().size()) current = m_session->engines()->add(used);
    }
    refreshList(current);
}

std::size_t EnginesDialog::index() const { return static_cast<std::size_t>(std::max(0, m_list->currentRow())); }

const EngineAddress& EnginesDialog::selected() const {
    const auto& engines = m_session->engines()->engines();
    return engines[std::min(index(), engines.size() - 1)];
}

bool EnginesDialog::selectedInUse() const {
    const EngineAddress& used = m_session->client()->address();
    return used.remote() ? used.name == selected().name : !selected().remote();
}

void EnginesDialog::refreshList(std::size_t current) {
    m_refreshing = true;
    m_list->clear();
    for (const EngineAddress& engine : m_session->engines()->engines()) m_list->addItem(engine.remote() ? engine.title() : tr("This machine"));
    m_list->setCurrentRow(static_cast<int>(current));
    m_refreshing = false;
    showSelected();
}

void EnginesDialog::showSelected() {
    m_tested.reset();
    const EngineAddress address = selected();
    m_refreshing = true;
    m_title->setText(address.remote() ? address.title() : tr("This machine"));
    m_text->setText(address.remote() ? tr("Reached by ssh with your keys; it never asks for a password.") : tr("The safequant program that came with this window."));
    m_form->setVisible(address.remote());
    m_name->setText(address.name);
    m_host->setText(address.host);
    m_port->setValue(address.port);
    m_command->setText(address.command);
    m_workspace->setText(address.workspace);
    m_refreshing = false;
    say(selectedInUse() ? tr("In use.") : QString(), "muted");
    refresh();
}

void EnginesDialog::takeFields() {
    if (m_refreshing || !selected().remote()) return;
    m_tested.reset();
    EngineAddress address = selected();
    address.host = m_host->text().trimmed();
    address.name = m_name->text().trimmed().isEmpty() ? address.host : m_name->text().trimmed();
    address.port = m_port->value();
    address.command = m_command->text().trimmed();
    address.workspace = m_workspace->text().trimmed();
    m_session->engines()->replace(index(), address);
    m_list->currentItem()->setText(selected().title());
    m_title->setText(selected().title());
    say({}, "muted");
    refresh();
}

void EnginesDialog::add() {
    EngineAddress address = sshEngine({});
    address.name = tr("New engine");
    refreshList(m_session->engines()->add(address));
    m_host->setFocus();
}

void EnginesDialog::remove() {
    const std::size_t gone = index();
    m_session->engines()->remove(gone);
    refreshList(std::min(gone, m_session->engines()->engines().size() - 1));
}

void EnginesDialog::test() {
    m_tested.reset();
    if (const QString problem = selected().problem(); !problem.isEmpty()) return say(problem, "bad");
    say(tr("Connecting to %1 ...").arg(selected().title()), "muted");
    m_tested = std::make_unique<EngineClient>(selected());
    connect(m_tested.get(), &EngineClient::stateChanged, this, &EnginesDialog::tellTest);
    connect(m_tested.get(), &EngineClient::latencyChanged, this, &EnginesDialog::tellTest);
    m_tested->start();
}

void EnginesDialog::tellTest() {
    const EngineClient& client = *m_tested;
    if (client.state() == EngineClient::State::Failed) return say(client.problem(), "bad");
    if (client.state() != EngineClient::State::Ready || (client.remote() && client.latency() < 0)) return;
    const auto& info = client.info();
    QStringList facts{tr("safequant %1").arg(QString::fromStdString(info.version)), counted(info.threads, tr("thread"), tr("threads"))};
    for (const auto& card : info.cards) facts.append(QString::fromStdString(card));
    if (client.remote()) facts.append(tr("%1 ms away").arg(client.latency()));
    say(tr("Connected: %1.").arg(facts.join(QStringLiteral(", "))), "good");
}

void EnginesDialog::refresh() {
    const EngineAddress& address = selected();
    const bool same = selectedInUse() && (!address.remote() || address == m_session->client()->address());
    m_remove->setEnabled(address.remote() && !selectedInUse());
    m_use->setText(selectedInUse() && !same ? tr("Connect again") : tr("Use this engine"));
    m_use->setEnabled(!same && address.problem().isEmpty());
    m_test->setEnabled(address.problem().isEmpty());
}

void EnginesDialog::say(const QString& text, const char* tone) {
    m_said->setText(text);
    setTone(m_said, tone);
}

}  // namespace safequant::workbench
