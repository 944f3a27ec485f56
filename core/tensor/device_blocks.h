// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <functional>
#include <new>
#include <vector>

#include "core/tensor/copy_stream.h"
#include "core/tensor/tensor_block.h"

namespace safequant {

/// The blocks of a model for passes on a device: the first ones live there as far as it has room, the rest wait in this machine's
/// memory and take turns in two places, the next one on its way while one is at work.
class DeviceBlocks {
public:
    /// `residentAtMost`: blocks kept on the device, whatever room it has.
    DeviceBlocks(const DecoderConfig& config, const at::Device& device, std::size_t residentAtMost);

    void add(const BlockWeights& weights);
    std::size_t size() const { return m_blocks.size(); }
    std::size_t resident() const { return m_resident; }

    /// Calls `use` with every block in order, until it returns false. Returns whether all were used.
    bool visit(const std::function<bool(std::size_t index, const TensorBlock& block)>& use);

    /// Does something that needs memory of the device; while there is none, blocks give up theirs and it is done again. Throws
    /// std::bad_alloc when no block is left that could.
    template <typename Work>
    auto withRoom(const Work& work) {
        for (;;) {
            try {
                return work();
            } catch (const c10::OutOfMemoryError&) {
                if (!giveUpRoom()) throw std::bad_alloc();
            }
        }
    }

private:
    /// Moves the last blocks on the device to this machine: one, or with the first also the room of the places.
    bool giveUpRoom();
    void moveToHost(std::size_t index);
    /// Starts copying a waiting block to its place.
    void fetch(std::size_t index);

    DecoderConfig m_config;
    at::Device m_device;
    CopyStream m_copies;
    std::size_t m_residentAtMost;
    std::vector<TensorBlock> m_blocks;
    std::size_t m_resident = 0;            // The first ones.
    std::array<TensorBlock, 2> m_places;   // Of blocks by the parity of their index; undefined until needed.
};

}  // namespace safequant
