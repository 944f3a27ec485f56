// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/device_blocks.h"

#include <algorithm>

#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// Calls `change` with each pair of tensors of two blocks.
template <typename Change>
void forEachTensor(const TensorBlock& from, TensorBlock& to, const Change& change) {
    for (std::size_t i = 0; i < from.linears.size(); ++i) {
        to.linears[i].input = from.linears[i].input;
        change(from.linears[i].weight, to.linears[i].weight);
        change(from.linears[i].bias, to.linears[i].bias);
    }
    change(from.inputNorm, to.inputNorm);
    change(from.preFeedForwardNorm, to.preFeedForwardNorm);
    change(from.attentionOutputNorm, to.attentionOutputNorm);
    change(from.feedForwardOutputNorm, to.feedForwardOutputNorm);
    change(from.queryNorm, to.queryNorm);
    change(from.keyNorm, to.keyNorm);
    to.attention = from.attention;
}

}  // namespace

DeviceBlocks::DeviceBlocks(const DecoderConfig& config, const at::Device& device, std::size_t residentAtMost)
    : m_config(config), m_device(device), m_copies(device), m_residentAtMost(residentAtMost) {}

void DeviceBlocks::add(const BlockWeights& weights) {
    const bool room = m_resident == m_blocks.size() && m_resident < m_residentAtMost;
    if (room) {
        try {
            m_blocks.push_back(tensorBlock(m_config, weights, m_device));
            ++m_resident;
            return;
        } catch (const c10::OutOfMemoryError&) {
            giveUpRoom();
        }
    }
    m_blocks.push_back(tensorBlock(m_config, weights, at::kCPU));
    moveToHost(m_blocks.size() - 1);
}

void DeviceBlocks::moveToHost(std::size_t index) {
    TensorBlock moved;
    forEachTensor(m_blocks[index], moved, [&](const at::Tensor& from, at::Tensor& to) {
        if (from.defined()) to = hostTensor(from.sizes(), at::kFloat, m_device).copy_(from);
    });
    m_blocks[index] = std::move(moved);
}

bool DeviceBlocks::giveUpRoom() {
    const std::size_t wanted = m_places[0].inputNorm.defined() ? 1 : 1 + m_places.size();
    const std::size_t given = std::min(wanted, m_resident);
    for (std::size_t i = 0; i < given; ++i) moveToHost(--m_resident);
    m_residentAtMost = m_resident;
    return given > 0;
}

void DeviceBlocks::fetch(std::size_t index) {
    TensorBlock& place = m_places[index % 2];
    forEachTensor(m_blocks[index], place, [&](const at::Tensor& from, at::Tensor& to) {
        if (from.defined() && !to.defined()) to = at::empty(from.sizes(), at::TensorOptions(at::kFloat).device(m_device));
    });
    m_copies.afterComputation([&] {
        forEachTensor(m_blocks[index], place, [](const at::Tensor& from, at::Tensor& to) {
            if (from.defined()) to.copy_(from, true);
        });
    });
}

bool DeviceBlocks::visit(const std::function<bool(std::size_t index, const TensorBlock& block)>& use) {
    std::size_t fetched = kNone;
    for (std::size_t index = 0; index < m_blocks.size(); ++index) {
        const bool waits = index >= m_resident;
        if (waits && fetched != index) withRoom([&] { fetch(fetched = index); });
        const TensorBlock block = waits ? m_places[index % 2] : m_blocks[index];
        m_copies.beforeComputation();
        // The place of the next block was last used by the one before this: its copy waits for nothing that is yet to be asked.
        if (index + 1 < m_blocks.size() && index + 1 >= m_resident) withRoom([&] { fetch(fetched = index + 1); });
        if (!use(index, block)) return false;
    }
    return true;
}

}  // namespace safequant
