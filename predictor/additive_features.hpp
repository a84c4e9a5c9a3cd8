#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "spaces/encoding.hpp"

namespace naslat {

/// What the additive predictor adds up: figures of an architecture, centred and scaled over typical architectures, in
/// groups that share a prior. Figures that never differ are left out, and executions that do not differ are one.
class AdditiveFeatures {
 public:
  struct Group {
    /// Physical sums of one execution; those over all kinds of operation; counts of operations and choices; and what
    /// known devices charge: the sources, a typical device of one execution, and all of these mixed; and what the
    /// device itself charges for blocks that were timed.
    enum class Kind { work, totals, counts, sources, typical, mixture, timed };

    std::string name;  ///< "work written", "totals written", …, "kinds", "blocks", "encoding"
    Eigen::Index first = 0, count = 0;
    Kind kind = Kind::counts;
    Execution execution{};      ///< of work, totals and a typical device
    bool non_negative = false;  ///< sums, totals, kinds of operation and shares of devices: never less than nothing
  };

  using Groups = std::vector<Group>;

  AdditiveFeatures() = default;
  /// @param typical with their work, e.g. every architecture that a table lists
  /// @throws DataError if they come without work
  explicit AdditiveFeatures(std::span<const Encoding> typical);

  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  [[nodiscard]] Eigen::Index columns() const { return mean_.size(); }

  /// What a typical device charges per unit of each column. @param totals a group of that kind
  [[nodiscard]] Eigen::VectorXd typical_costs(const Group& totals) const;

  /// Architectures × columns.
  [[nodiscard]] Eigen::MatrixXd operator()(std::span<const Encoding> architectures) const;

 private:
  /// One column's figure: a position in one of an encoding's lists, or a hash to look up.
  struct Sources {
    std::vector<std::pair<std::size_t, std::size_t>> sums;  ///< execution and position, by column
    std::map<std::uint64_t, Eigen::Index> kinds, blocks;    ///< column by hash
    std::vector<std::size_t> encoding;                      ///< position in x, by column
  };

  void find_sums(std::span<const Encoding> typical);
  void add_sums(std::span<const Encoding> typical, std::size_t execution, Group::Kind kind,
                std::span<const std::size_t> figures);
  void close_group(const char* name, Eigen::Index first);
  void write_raw(const Encoding& encoding, Eigen::Ref<Eigen::RowVectorXd> row) const;

  Sources sources_;
  std::vector<Group> groups_;
  Eigen::Index raw_columns_ = 0;
  Eigen::RowVectorXd mean_, scale_;
};

}  // namespace naslat
