// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QIcon>

namespace safequant::widgets {

/// The program's own 20 px line icons (resources/icons), drawn in palette colours at any size and scale.
enum class Icon {
    Setup, Layers, Learning, Answers, Analysis, Compare, Assessment, Report,
    Play, Pause, Stop, Resume, Export, Open, Folder, Model, Document,
    Shield, ShieldOff, Sun, Moon, Search, Filter, Copy, Log,
    Warning, Info, Check, Cross, ChevronDown, ChevronRight, ChevronUp, ZoomReset, Keyboard, Float, Undo, Redo, Settings,
    ToolPoint, ToolBox, ToolLasso, ToolPolygon, ToolPan,
};

/// Colour of an icon. A checked state is always drawn in the accent colour, a disabled one faint.
enum class IconTone { Muted, Text, Accent, OnAccent, Warning, Bad, Good };

/// An icon that follows the theme: no need to set it again after a palette change.
QIcon icon(Icon which, IconTone tone = IconTone::Text);

/// The same as a pixmap of `size` logical pixels for a device pixel ratio.
QPixmap iconPixmap(Icon which, const QColor& color, int size, qreal devicePixelRatio);

}  // namespace safequant::widgets
