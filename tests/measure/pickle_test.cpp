#include "measure/pickle.hpp"

#include <gtest/gtest.h>
#include <minizip/zip.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "spaces/random.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/test_data.hpp"

namespace naslat {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

pickle::Value read(const std::string& bytes) { return pickle::read_pickle(bytes, "test"); }

/// The message after "test: pickle byte N: ", or nothing if the bytes were read.
std::string error_of(const std::string& bytes) {
  try {
    static_cast<void>(read(bytes));
  } catch (const DataError& error) {
    const std::string message = error.what();
    return message.substr(message.find(": ", message.find("byte ")) + 2);
  }
  return {};
}

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}
std::string text(const std::string& value) { return "X" + little_endian(value.size(), 4) + value; }
std::string integer(std::int64_t value) { return "\x8a\x08" + little_endian(static_cast<std::uint64_t>(value), 8); }
std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::string repeated(const std::string& part, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += part;
  return all;
}

/// Opcodes of a tensor over storage "0" of float32 elements.
std::string tensor(std::int64_t elements, std::int64_t offset, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& stride) {
  std::string opcodes = "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" +
                        text("0") + text("cpu") + integer(elements) + "tQ" + integer(offset);
  for (const auto& list : {shape, stride}) {
    opcodes += "(";
    for (const std::int64_t value : list) opcodes += integer(value);
    opcodes += "t";
  }
  return opcodes + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

/// A file in PyTorch's layout, removed at the end.
class PytorchFile {
 public:
  PytorchFile(const std::string& pickle, const std::string& storage, int compression = 0) {
    zipFile zip = zipOpen64(path_.c_str(), APPEND_STATUS_CREATE);
    for (const auto& [name, data] : {std::pair("archive/data.pkl", &pickle), std::pair("archive/data/0", &storage)}) {
      zipOpenNewFileInZip64(zip, name, nullptr, nullptr, 0, nullptr, 0, nullptr, compression == 0 ? 0 : Z_DEFLATED,
                            compression, 0);
      zipWriteInFileInZip(zip, data->data(), static_cast<unsigned>(data->size()));
      zipCloseFileInZip(zip);
    }
    zipClose(zip, nullptr);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string error() const {
    try {
      static_cast<void>(pickle::read_pytorch(path_));
    } catch (const DataError& error) {
      return error.what();
    }
    return {};
  }

 private:
  TemporaryFolder folder_;
  std::string path_ = folder_ / "test.pt";
};

TEST(Pickle, ReadsPlainDataAsPythonWritesIt) {
  // pickle.dumps({"a": [1, -2, 2.5, None, True, "é"], "b": (2**40, -1)}, protocol=4)
  const std::string bytes =
      "\x80\x04\x95\x36\0\0\0\0\0\0\0}\x94(\x8c\x01"s
      "a\x94]\x94(K\x01J\xfe\xff\xff\xffG\x40\x04\0\0\0\0\0\0N\x88\x8c\x02\xc3\xa9\x94"s
      "e\x8c\x01"s
      "b\x94\x8a\x06\0\0\0\0\0\x01J\xff\xff\xff\xff\x86\x94u."s;
  const pickle::Value value = read(bytes);
  const pickle::List& a = value.at("a").list("a");
  ASSERT_EQ(a.size(), 6U);
  EXPECT_EQ(a[0].integer("a"), 1);
  EXPECT_EQ(a[1].integer("a"), -2);
  EXPECT_EQ(a[2].number("a"), 2.5);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(a[3].data));
  EXPECT_EQ(std::get<bool>(a[4].data), true);
  EXPECT_EQ(a[5].text("a"), "é");
  EXPECT_EQ(value.at("b").list("b")[0].integer("b"), std::int64_t{1} << 40);
  EXPECT_EQ(value.at("b").list("b")[1].integer("b"), -1);
}

std::string raw(const std::string& bytes) { return "B" + little_endian(bytes.size(), 4) + bytes; }

/// Opcodes of a numpy array as protocol 3 writes it. @param bytes the opcodes of its bytes
std::string numpy_array(const std::vector<std::int64_t>& shape, const std::string& bytes,
                        const std::string& type = "f8", bool by_columns = false) {
  std::string opcodes =
      "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"
      "C\x01"
      "b\x87R(K\x01("s;
  for (const std::int64_t extent : shape) opcodes += integer(extent);
  return opcodes + "tcnumpy\ndtype\n" + text(type) + "\x89\x88\x87R(K\x03" + text("<") + "tb" +
         (by_columns ? "\x88" : "\x89") + bytes + "tb";
}

TEST(Pickle, ReadsNumpyArraysAsPythonWritesThem) {
  // pickle.dumps(numpy.array([1.5, -1.0]), protocol), numpy 1 and 2
  const std::string protocols[] = {
      "\x80\x02"
      "cnumpy.core.multiarray\n_reconstruct\nq\0cnumpy\nndarray\nq\x01K\0\x85q\x02"
      "c_codecs\nencode\n"
      "q\x03X\x01\0\0\0bq\x04X\x06\0\0\0latin1q\x05\x86q\x06Rq\x07\x87q\x08Rq\t(K\x01K\x02\x85q\ncnumpy\ndtype\n"
      "q\x0bX\x02\0\0\0"
      "f8q\x0c\x89\x88\x87q\rRq\x0e(K\x03X\x01\0\0\0<q\x0fNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t"
      "q\x10"
      "b\x89h\x03X\x13\0\0\0\0\0\0\0\0\0\xc3\xb8?\0\0\0\0\0\0\xc3\xb0\xc2\xbfq\x11h\x05\x86q\x12Rq\x13t"
      "q\x14"
      "b."s,
      "\x80\x03"
      "cnumpy.core.multiarray\n_reconstruct\nq\0cnumpy\nndarray\nq\x01K\0\x85q\x02"
      "C\x01"
      "bq\x03\x87q\x04R"
      "q\x05(K\x01K\x02\x85q\x06"
      "cnumpy\ndtype\nq\x07X\x02\0\0\0"
      "f8q\x08\x89\x88\x87q\tRq\n(K\x03X\x01\0\0\0<"
      "q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tq\x0c"
      "b\x89"
      "C\x10\0\0\0\0\0\0\xf8?\0\0\0\0\0\0\xf0\xbfq\rtq\x0e"
      "b."s,
      "\x80\x04\x95\x99\0\0\0\0\0\0\0\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy"
      "\x94\x8c\x07ndarray\x94\x93\x94K\0\x85\x94"
      "C\x01"
      "b\x94\x87\x94R\x94(K\x01K\x02\x85\x94h\x03\x8c\x05"
      "dtype\x94"
      "\x93\x94\x8c\x02"
      "f8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94"
      "b\x89"
      "C\x10\0\0\0\0\0\0\xf8?\0\0\0\0\0\0\xf0\xbf\x94t\x94"
      "b."s};
  for (const std::string& bytes : protocols) {
    const pickle::Tensor array = read(bytes).tensor("array");
    EXPECT_EQ(array.shape, std::vector<std::int64_t>{2});
    EXPECT_EQ(array.data, (std::vector<double>{1.5, -1}));
  }
  const pickle::Tensor matrix = read(numpy_array({2, 3}, raw(floats({0, 1, 2, 3, 4, 5})), "f4") + ".").tensor("matrix");
  EXPECT_EQ(matrix.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(matrix.data, (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(read(numpy_array({1}, raw(little_endian(7, 8)), "i8", true) + ".").tensor("one").data,
            std::vector<double>{7});
  EXPECT_TRUE(read(numpy_array({0, 5}, raw("")) + ".").tensor("empty").data.empty());
}

TEST(Pickle, HostileNumpyArraysAreErrors) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto error = [](const std::vector<std::int64_t>& shape, const std::string& bytes,
                        const std::string& type = "f8", bool by_columns = false) {
    return error_of(numpy_array(shape, raw(bytes), type, by_columns) + ".");
  };
  EXPECT_EQ(error({-1}, ""), "numpy array of no possible shape");
  EXPECT_EQ(error({kMost, 2}, ""), "numpy array of no possible shape");
  EXPECT_EQ(error({kMost}, "12345678"), "numpy array of 8 bytes, wanted 9223372036854775807 elements of 8");
  EXPECT_EQ(error({1}, "1234567"), "numpy array of 7 bytes, wanted 1 elements of 8");
  EXPECT_EQ(error({1}, "12345678", "O8"), "numpy type 'O8', wanted f8, f4, i8 or i4");
  EXPECT_EQ(error({1, 1}, "12345678", "f8", true), "numpy array by columns, wanted by rows");
  const std::string made = "cnumpy.core.multiarray\n_reconstruct\n", kind = "cnumpy\nndarray\n";
  EXPECT_EQ(error_of(made + "cposix\nsystem\n\x85R."),
            "call of 'numpy.core.multiarray _reconstruct' is not plain data");
  EXPECT_EQ(error_of(made + kind + "\x85R."), "holds something that is not plain data");
  EXPECT_EQ(error_of(made + kind + "\x85R)b."), "numpy array without shape, type, order and bytes");
  EXPECT_EQ(error_of(numpy_array({0}, raw("")) + ")b."), "opcode 0x62 (BUILD) on something that is not plain data");
  const std::string mebibyte(1 << 20, '\0');
  EXPECT_EQ(error_of(raw(mebibyte) + "q\x01(" + repeated(numpy_array({1 << 17}, "h\x01"), 600) + "t."),
            "builds more than 512 MiB");  // one text of bytes, many arrays of it
}

TEST(Pickle, AnythingButPlainDataIsAnErrorThatNamesIt) {
  EXPECT_EQ(error_of("\x80\x02"s
                     "cposix\nsystem\n" +
                     text("true") + "\x85R."),
            "call of 'posix system' is not plain data");
  EXPECT_EQ(error_of("\x80\x02"s
                     "cbuiltins\neval\n."),
            "global 'builtins eval' is not plain data");
  EXPECT_EQ(error_of("\x80\x04"s + text("os") + text("system") + "\x93)R."), "call of 'os system' is not plain data");
  EXPECT_EQ(error_of("(iposix\nsystem\n."), "opcode 0x69 is not plain data");
  EXPECT_EQ(error_of("\x80\x02"s
                     "cos\nx\n)\x81."),
            "opcode 0x81 is not plain data");
  EXPECT_EQ(error_of("]}b."), "opcode 0x62 (BUILD) on something that is not plain data");
  EXPECT_EQ(error_of("\x80\x02"s
                     "cnumpy\ndtype\n" +
                     text("f8") + "\x85R(K\x03" + text(">") + "tb."),
            "numpy type that is not little-endian");
}

TEST(Pickle, DamagedStructureIsAnError) {
  EXPECT_EQ(error_of(""), "ends early: 0 bytes left, wanted 1");
  EXPECT_EQ(error_of("X\xff\xff\xff\xff"s
                     "a."),
            "ends early: 2 bytes left, wanted 4294967295");
  EXPECT_EQ(error_of("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "ends early: 1 bytes left, wanted 18446744073709551615");
  EXPECT_EQ(error_of("."), "takes from an empty stack");
  EXPECT_EQ(error_of("K\x01t."), "no mark on the stack");
  EXPECT_EQ(error_of("h\x05."), "memo 5 was never written");
  EXPECT_EQ(error_of("}(K\x01u."), "key without a value");
  EXPECT_EQ(error_of("K\x01K\x02"
                     "a."),
            "wanted a list");
}

TEST(Pickle, LoopsDepthAndBombsEndInAnError) {
  EXPECT_EQ(error_of("]q\0h\0a."s), "nested deeper than 64");  // a list that holds itself
  EXPECT_EQ(error_of(repeated("]", 100'000) + repeated("a", 99'999) + "."), "nested deeper than 64");
  EXPECT_EQ(error_of(repeated("]", 65) + repeated("a", 64) + "."), "");
  const std::string many = "builds more than 512 MiB";
  EXPECT_EQ(error_of(text("lol") + repeated("q\0(h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0t"s, 30) + "."), many);  // 10^30 texts
  EXPECT_EQ(error_of(text(std::string(1 << 20, 'a')) + "q\0("s + repeated("h\0"s, 10'000) + "t."), many);
  EXPECT_EQ(error_of(text(std::string(1 << 20, 'a')) + "q\0"s +
                     repeated("c_codecs\nencode\nh\0"s + text("latin1") + "\x86R", 600) + "."),
            many);
  EXPECT_EQ(error_of(repeated("]", 8 << 20)), many);
}

TEST(PytorchFile, TensorsAreReadByTheirStrides) {
  const std::string storage = floats({0, 1, 2, 3, 4, 5});
  for (const int compression : {0, 9}) {
    const PytorchFile file("\x80\x02" + tensor(6, 1, {2, 2}, {1, 3}) + ".", storage, compression);
    const pickle::Value value = pickle::read_pytorch(file.path());
    EXPECT_EQ(value.tensor("t").shape, (std::vector<std::int64_t>{2, 2}));
    EXPECT_EQ(value.tensor("t").data, (std::vector<double>{1, 4, 2, 5}));
  }
  const PytorchFile scalar("\x80\x02" + tensor(6, 5, {}, {}) + ".", storage);
  EXPECT_EQ(pickle::read_pytorch(scalar.path()).tensor("t").data, std::vector<double>{5});
  const PytorchFile empty("\x80\x02" + tensor(0, 0, {0, 3}, {3, 1}) + ".", "");
  EXPECT_TRUE(pickle::read_pytorch(empty.path()).tensor("t").data.empty());
}

TEST(PytorchFile, TensorsBeyondTheirStorageAreErrors) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const struct {
    std::int64_t offset;
    std::vector<std::int64_t> shape, stride;
  } hostile[] = {{1, {6}, {1}},        {0, {7}, {1}},           {6, {}, {}},
                 {kMost, {2}, {1}},    {-1, {1}, {1}},          {0, {2}, {kMost}},
                 {0, {-1}, {1}},       {0, {kMost, 2}, {0, 1}}, {0, {4, 4, 4}, {0, 0, 0}},
                 {0, {2, 3}, {-1, 1}}, {kMost, {0}, {1}},       {0, {2, 2}, {5, 1}}};
  for (const auto& h : hostile) {
    const PytorchFile file("\x80\x02" + tensor(6, h.offset, h.shape, h.stride) + ".", std::string(24, 'a'));
    EXPECT_TRUE(file.error().ends_with("tensor beyond its storage")) << file.error();
  }
  const PytorchFile shorter("\x80\x02" + tensor(7, 0, {7}, {1}) + ".", std::string(24, 'a'));
  EXPECT_TRUE(shorter.error().ends_with("tensor storage '0' has 24 bytes, wanted 7 elements of 4")) << shorter.error();
  const PytorchFile dimensions("\x80\x02" + tensor(6, 0, {1, 1}, {1}) + ".", std::string(24, 'a'));
  EXPECT_TRUE(dimensions.error().ends_with("tensor whose strides do not fit its shape")) << dimensions.error();
}

TEST(PytorchFile, ArchivesThatUnpackToTooMuchAreRefused) {
  const PytorchFile bomb("\x80\x02].", std::string((1 << 28) + 1, '\0'), 9);
  EXPECT_LT(fs::file_size(bomb.path()), 1U << 20);
  EXPECT_TRUE(bomb.error().ends_with("unpacks to more than 256 MiB")) << bomb.error();
}

/// Whatever the bytes, reading them ends, with a DataError or without.
TEST(PytorchFile, DamagedFilesAreErrorsAndNeverMore) {
  const std::string opcodes = "\x80\x02}(" + text("w") + tensor(6, 0, {2, 3}, {3, 1}) + text("l") + "](K\x01K\x02G" +
                              little_endian(0x3ff, 8) + "e" + text("t") + "K\x01K\x02\x86q\x01u.";
  const PytorchFile file(opcodes, floats({0, 1, 2, 3, 4, 5}));
  ASSERT_EQ(file.error(), "");
  const std::string sound = read_file(file.path());
  const auto attempt = [&](const std::string& bytes) {
    std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << bytes;
    return file.error();
  };
  constexpr std::size_t kEndRecord = 22;  // of a zip archive; its last bytes tell nothing needed
  for (std::size_t length = 0; length < sound.size(); ++length) {
    const std::string error = attempt(sound.substr(0, length));
    EXPECT_TRUE(!error.empty() || length > sound.size() - kEndRecord) << length;
  }
  Rng rng(1);
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = sound;
    for (std::uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
      damaged[rng.below(damaged.size())] = static_cast<char>(rng.below(256));
    }
    attempt(damaged);
    std::string damaged_opcodes = opcodes;  // past the archive's checksums
    for (std::uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
      damaged_opcodes[rng.below(damaged_opcodes.size())] = static_cast<char>(rng.below(256));
    }
    error_of(damaged_opcodes);
  }
}

/// Random opcodes over a small memo: shapes of damage that flips of a sound file do not reach.
TEST(Pickle, RandomOpcodesNeverDoMoreThanFail) {
  const std::vector<std::string> opcodes = {"(",
                                            "t",
                                            "]",
                                            "}",
                                            ")",
                                            "a",
                                            "e",
                                            "s",
                                            "u",
                                            "\x85",
                                            "\x86",
                                            "\x87",
                                            "K\x01",
                                            "N",
                                            "\x88",
                                            "q\x01",
                                            "q\x02",
                                            "h\x01",
                                            "h\x02",
                                            "\x94",
                                            "R",
                                            "b",
                                            "Q",
                                            "\x93",
                                            "ccollections\nOrderedDict\n",
                                            "ctorch._utils\n_rebuild_tensor_v2\n",
                                            "ctorch._utils\n_rebuild_parameter\n",
                                            "cnumpy\ndtype\n",
                                            "c_codecs\nencode\n",
                                            "cnumpy.core.multiarray\nscalar\n",
                                            "cnumpy.core.multiarray\n_reconstruct\n",
                                            "cnumpy\nndarray\n",
                                            text("latin1"),
                                            text("i8"),
                                            text("storage"),
                                            "C\010abcdefgh",
                                            "\x8a\x01\xff",
                                            "X\x02\0\0\0\xc3\xa9"s};
  Rng rng(2);
  int read_well = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string bytes =
        "]q\x01"
        "0]q\x02"s.substr(0, 3);
    for (std::uint64_t count = rng.below(24); count > 0; --count) bytes += opcodes[rng.below(opcodes.size())];
    read_well += error_of(bytes + ".").empty() ? 1 : 0;
  }
  EXPECT_GT(read_well, 100);
}

// ---- HELP's own files, against what PyTorch read in them

TEST(HelpFiles, AreAllRead) {
  NASLAT_NEEDS_TEST_DATA();
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(test_data() / "help" / "data")) {
    if (entry.path().extension() != ".pt") continue;
    EXPECT_NO_THROW(static_cast<void>(pickle::read_pytorch(entry.path()))) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 75);
}

TEST(HelpFiles, LatencyTablesEqualWhatPytorchReads) {
  NASLAT_NEEDS_TEST_DATA();
  const fs::path help = test_data() / "help";
  const auto summary = parse_json(read_file(help / "expected" / "latency_summary.json"));
  ASSERT_GE(summary.size(), 60U);
  for (const auto& [name, wanted] : summary.items()) {
    if (name.ends_with("/reference")) continue;  // not a table: see the next test
    const std::size_t slash = name.find('/');
    const fs::path file = help / "data" / name.substr(0, slash) / "latency" / (name.substr(slash + 1) + ".pt");
    const pickle::Value value = pickle::read_pytorch(file);
    const pickle::List& rows = value.list(name);
    ASSERT_EQ(rows.size(), wanted["rows"].get<std::size_t>()) << name;
    double sum = 0, least = rows[0].number(name), most = least;
    int zeros = 0;
    for (const pickle::Value& row : rows) {
      EXPECT_EQ(std::holds_alternative<double>(row.data), wanted["elem"] == "float") << name;
      const double latency_ms = row.number(name);
      sum += latency_ms;
      least = std::min(least, latency_ms);
      most = std::max(most, latency_ms);
      zeros += latency_ms == 0 ? 1 : 0;
    }
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(rows[i].number(name), wanted["first"][i].get<double>()) << name;
    EXPECT_EQ(rows.back().number(name), wanted["last"].get<double>()) << name;
    EXPECT_EQ(least, wanted["min"].get<double>()) << name;
    EXPECT_EQ(most, wanted["max"].get<double>()) << name;
    EXPECT_EQ(zeros, wanted["zero"].get<int>()) << name;
    EXPECT_NEAR(sum, wanted["sum"].get<double>(), 1e-9 * sum) << name;
  }
}

TEST(HelpFiles, ReferenceIndicesEqualWhatPytorchReads) {
  NASLAT_NEEDS_TEST_DATA();
  const fs::path help = test_data() / "help";
  const auto summary = parse_json(read_file(help / "expected" / "latency_summary.json"));
  for (const char* space : {"nasbench201", "fbnet", "ofa"}) {
    const pickle::Value value = pickle::read_pytorch(help / "data" / space / "hardware_embedding_index.pt");
    std::vector<std::int64_t> indices;
    for (const pickle::Value& index : value.list(space)) indices.push_back(index.integer(space));
    EXPECT_EQ(indices, summary[space + "/reference"s].get<std::vector<std::int64_t>>()) << space;
  }
}

TEST(HelpFiles, CheckpointsHoldTensorsOfTheirShapes) {
  NASLAT_NEEDS_TEST_DATA();
  const pickle::Value checkpoint =
      pickle::read_pytorch(test_data() / "help" / "data" / "nasbench201" / "checkpoint" / "help_max_corr.pt");
  const pickle::Tensor& weight = checkpoint.at("model").at("meta_learner.gc1.weight").tensor("gc1");
  EXPECT_EQ(weight.shape, (std::vector<std::int64_t>{8, 100}));
  EXPECT_EQ(weight.data.size(), 800U);
  EXPECT_EQ(checkpoint.at("epi").integer("epi"), 1699);
}

}  // namespace
}  // namespace naslat
