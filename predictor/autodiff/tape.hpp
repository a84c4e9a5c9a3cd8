#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "predictor/autodiff/kernels.hpp"
#include "predictor/autodiff/recycled_memory.hpp"

namespace naslat {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A constant sparse matrix with its transpose: what graph convolutions multiply node rows by.
struct SparseMatrix {
  struct Rows {
    std::vector<std::size_t> begin{0};  ///< of each row in `column`, one more than rows
    std::vector<std::uint32_t> column;  ///< of each entry; those of equal positions add up
    std::vector<float> value;

    void reserve(std::size_t count, std::size_t entries) {
      begin.reserve(count + 1);
      column.reserve(entries);
      value.reserve(entries);
    }
    void add(std::size_t at, float entry) {  ///< to the last row
      column.push_back(static_cast<std::uint32_t>(at));
      value.push_back(entry);
    }
    void end_row() { begin.push_back(column.size()); }
    void append(const Rows& row) {  ///< @pre it is one
      column.insert(column.end(), row.column.begin(), row.column.end());
      value.insert(value.end(), row.value.begin(), row.value.end());
      end_row();
    }
  };
  std::size_t rows = 0, columns = 0;
  Rows by_row, by_column;

  static std::shared_ptr<const SparseMatrix> make(std::size_t columns, Rows by_row);
};

/// A matrix on a tape.
struct Var {
  std::ptrdiff_t id = -1;
};

/// Records matrix operations as they are computed. Gradients are recorded on the same tape, in the same operations, so
/// they can be differentiated again: HELP's Eq. 8 goes through the gradient steps of Eq. 7.
template <typename T>
class Tape {
 public:
  using Value = Eigen::Map<Matrix<T>, Eigen::AlignedMax>;
  [[nodiscard]] Eigen::Map<const Matrix<T>, Eigen::AlignedMax> value(Var x) const {
    const Node& node = nodes_[static_cast<std::size_t>(x.id)];
    return {node.data, node.rows, node.columns};
  }
  [[nodiscard]] T scalar(Var x) const { return value(x)(0, 0); }

  Var leaf(const Eigen::Ref<const Matrix<T>>& value);  ///< a constant
  Var parameter(const Matrix<T>& value);               ///< not copied: it must stay until the tape is cleared
  Var filled(Eigen::Index rows, Eigen::Index columns, T value);
  Var matmul(Var a, Var b, bool transpose_a = false, bool transpose_b = false);
  /// x·W + b, or max(0, x·W + b). @param weight in×out @param bias 1×out, added to every row
  Var linear(Var x, Var weight, Var bias, bool rectified = false);
  Var sparse(const std::shared_ptr<const SparseMatrix>& s, Var x, bool transpose = false);  ///< s·x or sᵀ·x
  Var rectified_sparse(const std::shared_ptr<const SparseMatrix>& s, Var x, Var bias);      ///< max(0, s·x + bias)
  Var add(Var a, Var b);
  Var subtract(Var a, Var b);
  Var multiply(Var a, Var b, T factor = 1);   ///< factor·a∘b, element-wise
  Var subtract_product(Var a, Var b, Var c);  ///< a - b∘c, element-wise: a gradient step
  Var multiply_row(Var x, Var row);           ///< every row of x, element-wise, by the 1×n row
  Var scale(Var x, T factor);
  Var repeat_row(Var row, Eigen::Index rows);                       ///< 1×n → rows×n
  Var column_sums(Var x);                                           ///< m×n → 1×n
  Var column_dots(Var a, Var b);                                    ///< m×n each → 1×n: column_sums of a∘b
  Var repeat(Var scalar, Eigen::Index rows, Eigen::Index columns);  ///< 1×1 → rows×columns
  Var sum(Var x);                                                   ///< m×n → 1×1
  Var gate(Var x, Var by);  ///< x where by > 0, else 0; the gate itself has no slope
  Var relu(Var x) { return gate(x, x); }
  Var columns(Var x, Eigen::Index first, Eigen::Index count);
  Var pad_columns(Var x, Eigen::Index first, Eigen::Index total);  ///< x within zeros: the adjoint of columns
  Var softplus(Var x);                                             ///< log(1 + exp(x))
  Var sigmoid(Var x);
  Var log(Var x);
  Var reciprocal(Var x);
  Var softmax(Var x);  ///< of each row

  /// d loss / d each of `wrt`, on this tape; zeros for what the loss does not depend on. @pre loss is 1×1
  /// @param each called with every gradient and its position in `wrt` as soon as it is complete, in that order: what
  /// this records is near the gradient on the tape, and so on the way back
  std::vector<Var> gradients(
      Var loss, std::span<const Var> wrt, const std::function<void(std::size_t, Var)>& each = [](std::size_t, Var) {});

  /// The same as values, for the last time: the tape is cleared, each value as soon as nothing to come needs it, so
  /// that memory is used again while it is in the caches. @pre none of `wrt` twice, nor one computed from another
  /// @param sums are added to; empty: zeros
  void last_gradients(Var loss, std::span<const Var> wrt, std::vector<Matrix<T>>& sums);

  /// Forgets everything but keeps the memory for the next recording.
  void clear();

 private:
  enum class Kind {
    leaf,
    matmul,
    sparse,
    add,
    subtract,
    multiply,
    subtract_product,
    multiply_row,
    scale,
    repeat_row,
    column_sums,
    column_dots,
    repeat,
    sum,
    gate,
    columns,
    pad_columns,
    softplus,
    sigmoid,
    log,
    reciprocal,
    softmax
  };
  struct Node {
    Kind kind = Kind::leaf;
    Var a{}, b{}, c{};
    bool transpose_a = false, transpose_b = false, rectified = false;
    T factor = 0;
    Eigen::Index first = 0;
    const SparseMatrix* matrix = nullptr;
    const T* data = nullptr;  ///< null once recycled
    Eigen::Index rows = 0, columns = 0;
    bool owned = true;  ///< whether the data are the tape's own
  };
  class Accumulator;

  Var record(Node node, Eigen::Index rows, Eigen::Index columns);
  Var record_sparse(Node node);  ///< and computes it
  Value result(Var x) {          // of what record() made
    const Node& node = nodes_[static_cast<std::size_t>(x.id)];
    return {const_cast<T*>(node.data), node.rows, node.columns};
  }
  /// op(a)·op(b), by their shapes.
  [[nodiscard]] Product product(Var a, Var b, bool transpose_a, bool transpose_b) const;
  void backward(Var at, Var gradient, Accumulator& into);
  void pass_back(Var x, Accumulator& into);
  void accumulate(Var sum, Var x, Eigen::Index first = 0);  ///< adds x to the sum's columns from `first` on
  void accumulate_product(Var sum, Var a, Var b, bool transpose_a, bool transpose_b);
  void accumulate_multiple(Var sum, Var a, Var b, T factor);  ///< adds factor·a∘b
  void recycle(Var x);                                        ///< its memory is for the next value of about that size

  std::vector<Node> nodes_;
  std::vector<std::shared_ptr<const SparseMatrix>> matrices_;  // of the nodes
  RecycledMemory memory_;
};

}  // namespace naslat
