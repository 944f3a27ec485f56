// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QToolButton;

namespace safequant::widgets {
class DriftStrip;
class ElidedLabel;
}

namespace safequant::workbench {

class Session;

/// How far the run's models are from an aligned model's signature: a sentence and a strip under the layer chart. Hidden until a signature is
/// chosen.
class DriftBar : public QWidget {
    Q_OBJECT

public:
    explicit DriftBar(Session* session, QWidget* parent = nullptr);

    /// The button that chooses a signature; stands in the chart's head.
    QToolButton* button() { return m_button; }

signals:
    void blockChosen(int block);

private:
    void choose();
    void refresh();
    QString sentence() const;

    Session* m_session;
    QToolButton *m_button, *m_close;
    widgets::ElidedLabel* m_text;
    widgets::DriftStrip* m_strip;
};

}  // namespace safequant::workbench
