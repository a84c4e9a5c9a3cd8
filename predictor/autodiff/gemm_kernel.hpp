#pragma once

// Compiled once per instruction set. The build renames Eigen's namespace in each such file (-DEigen=…), so that no
// inline function compiled for a wider instruction set can be chosen by the linker for the rest of the program.

#include <Eigen/Core>

#include "predictor/autodiff/gemm.hpp"

namespace naslat {

namespace {  // of each file: the compiled instances differ

template <typename T>
void eigen_multiply(const Product& p, const T* a, const T* b, T* c) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> ma(a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k);
  const Eigen::Map<const Matrix> mb(b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n);
  Eigen::Map<Matrix> mc(c, p.m, p.n);
  if (p.transpose_a && p.transpose_b) {
    mc.noalias() = ma.transpose() * mb.transpose();
  } else if (p.transpose_a) {
    mc.noalias() = ma.transpose() * mb;
  } else if (p.transpose_b) {
    mc.noalias() = ma * mb.transpose();
  } else {
    mc.noalias() = ma * mb;
  }
}

}  // namespace

}  // namespace naslat
