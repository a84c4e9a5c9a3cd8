#include "predictor/autodiff/kernel_code.hpp"

namespace naslat {

const Kernels kAvx512Kernels = {
    "avx512",         multiply_by_tiles, sum_rows, gate_values, add_values, multiply_add_values, multiply_row_values,
    sum_column_values};

}  // namespace naslat
