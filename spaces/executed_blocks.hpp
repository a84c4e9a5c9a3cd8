#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spaces/network.hpp"

namespace naslat {

/// A run of layers as the graph that is executed has it, timed as a unit by layer-wise predictors.
struct BlockInfo {
  std::string kind;  ///< what the space calls it
  Shape input, output;
  /// What its layers do to one image, "1x16x32x32: relu 1x16x32x32, conv 3x3 + add 1x16x32x32": blocks that do the same
  /// are the same, whatever they are called.
  std::string layers{};

  bool operator==(const BlockInfo&) const = default;
};

/// The blocks of a graph that its passes left layers, or all of it as one called "network".
[[nodiscard]] std::vector<Block> executed_blocks(const Network& graph);

/// @param constant of constant_layers(graph): layers that are no part of a run
[[nodiscard]] BlockInfo block_info(const Network& graph, const Block& block, const std::vector<bool>& constant);

/// What BlockInfo::layers is looked up by.
[[nodiscard]] std::uint64_t block_id(const std::string& layers);

/// What executing one block takes.
struct BlockWork {
  std::uint64_t id = 0;                      ///< block_id()
  int count = 0;                             ///< how often the graph has it
  float layers = 0, macs = 0, elements = 0;  ///< of one: those that are executed, what they compute and move

  bool operator==(const BlockWork&) const = default;
};

/// The different blocks of a graph, each once.
[[nodiscard]] std::vector<BlockWork> block_work(const Network& graph);

}  // namespace naslat
