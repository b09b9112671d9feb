#include "wire/trace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace lockstep::wire {
namespace {

using testing::ElementsAreArray;

class TraceFileTest : public testing::Test {
 protected:
  TraceFileTest() {
    auto writer = TraceWriter::Open(path_);
    EXPECT_TRUE(writer.has_value());
    for (const std::string& frame : frames_) EXPECT_TRUE(writer->Write(frame).has_value());
  }
  ~TraceFileTest() override { std::filesystem::remove(path_); }

  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  static model::Result<std::vector<std::string>> Read(std::string_view trace) {
    std::vector<std::string> frames;
    auto ok = ReadTrace(trace, [&](std::uint64_t, std::string_view frame) {
      frames.emplace_back(frame);
      return model::Result<void>();
    });
    if (!ok) return std::unexpected(ok.error());
    return frames;
  }

  const std::string path_ = testing::TempDir() + "/trace_file_test.trace";
  const std::vector<std::string> frames_{"k", "", std::string(70'000, 'w'),
                                         std::string("\0\xff", 2)};
};

TEST_F(TraceFileTest, WhatWasWrittenIsReadInOrder) {
  auto frames = Read(Bytes());
  ASSERT_TRUE(frames.has_value()) << frames.error().message;
  EXPECT_THAT(*frames, ElementsAreArray(frames_));
}

TEST_F(TraceFileTest, TheTimesOfTheFramesDoNotFall) {
  std::uint64_t last = 0;
  auto ok = ReadTrace(Bytes(), [&](std::uint64_t micros, std::string_view) {
    EXPECT_LE(last, micros);
    last = micros;
    return model::Result<void>();
  });
  EXPECT_TRUE(ok.has_value());
}

TEST_F(TraceFileTest, ACutTraceGivesItsWholeRecordsAndAnErrorWithTheByte) {
  const std::string trace = Bytes();
  std::size_t whole = 0;
  for (std::size_t size = 0; size < trace.size();
       size += size < 64 || size + 64 > trace.size() ? 1 : 997) {
    auto frames = Read(trace.substr(0, size));
    if (frames) {
      ++whole;
      ASSERT_LT(frames->size(), frames_.size());
    } else {
      EXPECT_EQ(frames.error().kind, model::ErrorKind::kMalformed);
      EXPECT_THAT(frames.error().message, testing::HasSubstr("at byte "));
    }
  }
  EXPECT_GE(whole, 3u);  // cut between records
}

TEST_F(TraceFileTest, CorruptedBytesAreAnErrorOrOtherFramesNeverACrash) {
  const std::string trace = Bytes();
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string corrupt = trace.substr(0, 40);
    corrupt[random() % corrupt.size()] = static_cast<char>(random());
    refused += Read(corrupt) ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

TEST(TraceWriterTest, APathThatCannotBeWrittenIsNamed) {
  auto writer = TraceWriter::Open("/nonexistent/x.trace");
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().kind, model::ErrorKind::kEnvironment);
  EXPECT_THAT(writer.error().message, testing::HasSubstr("/nonexistent/x.trace"));
}

}  // namespace
}  // namespace lockstep::wire
