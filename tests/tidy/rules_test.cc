#include "tests/tidy/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lockstep::tidy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "path:line: message" of each violation.
std::vector<std::string> Printed(const Violations& violations) {
  std::vector<std::string> printed;
  for (const Violation& violation : violations) printed.push_back(ToString(violation));
  return printed;
}

std::vector<std::string> OwnInclude(std::string_view path, std::string_view include) {
  return Printed(CheckOwnIncludes(path, "// A file.\n#include " + std::string(include) + "\n"));
}

std::vector<std::string> ForeignInclude(std::string_view path, std::string_view include) {
  return Printed(CheckForeignIncludes(path, "// A file.\n#include " + std::string(include) + "\n"));
}

TEST(OwnIncludesTest, AFolderIncludesItselfAndWhatIsBelow) {
  EXPECT_THAT(OwnInclude("model/row.cc", "\"model/row.h\""), IsEmpty());
  EXPECT_THAT(OwnInclude("postgres/slot.h", "\"model/lsn.h\""), IsEmpty());
  EXPECT_THAT(OwnInclude("wire/codec.cc", "\"proto/lockstep.pb.h\""), IsEmpty());
  EXPECT_THAT(OwnInclude("listener/main.cc", "\"consumer/consumer.h\""), IsEmpty());
  EXPECT_THAT(OwnInclude("replication/decoderbufs_decoder.cc", "\"proto/decoderbufs.pb.h\""),
              IsEmpty());
  EXPECT_THAT(OwnInclude("tests/integration/run_test.cc", "\"verifier/oracle.h\""), IsEmpty());
  EXPECT_THAT(OwnInclude("model/row.cc", "<vector>"), IsEmpty());
}

TEST(OwnIncludesTest, WhatIsAboveOrBesideIsFound) {
  EXPECT_THAT(OwnInclude("model/row.cc", "\"wire/message.h\""),
              ElementsAre("model/row.cc:2: model/ may not include wire/"));
  for (auto [path, include] : {std::pair{"postgres/slot.h", "\"wire/socket.h\""},
                               {"replication/follower.h", "\"postgres/slot.h\""},
                               {"replication/follower.h", "\"proto/decoderbufs.pb.h\""},
                               {"generator/main.cc", "\"postgres/connection.h\""},
                               {"verifier/main.cc", "\"listener/sink.h\""},
                               {"verifier/main.cc", "\"replication/replica.h\""},
                               {"launcher/main.cc", "\"verifier/oracle.h\""},
                               {"model/row.cc", "\"tests/tidy/rules.h\""}}) {
    EXPECT_EQ(OwnInclude(path, include).size(), 1u) << path << " " << include;
  }
}

TEST(OwnIncludesTest, RelativeAndBracketedPathsAreFound) {
  EXPECT_EQ(OwnInclude("model/row.cc", "\"row.h\"").size(), 1u);
  EXPECT_EQ(OwnInclude("model/row.cc", "\"../wire/message.h\"").size(), 1u);
  EXPECT_EQ(OwnInclude("model/row.cc", "<model/row.h>").size(), 1u);
}

TEST(OwnIncludesTest, SpacingDoesNotHideAnInclude) {
  EXPECT_EQ(CheckOwnIncludes("model/row.cc", "  #  include  \"wire/message.h\"  // why\n").size(),
            1u);
  EXPECT_THAT(CheckOwnIncludes("model/row.cc", "// #include \"wire/message.h\"\n"), IsEmpty());
}

TEST(OwnIncludesTest, AFolderWithoutARuleIsFound) {
  EXPECT_THAT(Printed(CheckOwnIncludes("util/strings.h", "")),
              ElementsAre(HasSubstr("no include rule")));
}

TEST(ForeignIncludesTest, EachLibraryIsAtHomeInItsFolderAndItsTests) {
  for (auto [path, include] :
       {std::pair{"postgres/connection.cc", "<libpq-fe.h>"},
        {"tests/postgres/connection_test.cc", "<libpq-fe.h>"},
        {"wire/socket.cc", "<zmq.hpp>"},
        {"wire/codec.cc", "<msgpack.hpp>"},
        {"wire/codec.cc", "\"proto/lockstep.pb.h\""},
        {"replication/decoderbufs_decoder.cc", "\"proto/decoderbufs.pb.h\""},
        {"tests/replication/decoderbufs_decoder_test.cc", "\"proto/decoderbufs.pb.h\""},
        {"listener/main.cc", "<CLI/CLI.hpp>"},
        {"listener/options.cc", "<CLI/CLI.hpp>"},
        {"report/json_report.cc", "<nlohmann/json.hpp>"},
        {"replication/wal2json_message.cc", "<simdjson.h>"},
        {"model/digest.cc", "<xxhash.h>"}}) {
    EXPECT_THAT(ForeignInclude(path, include), IsEmpty());
  }
}

TEST(ForeignIncludesTest, ElsewhereItIsFound) {
  EXPECT_THAT(ForeignInclude("listener/main.cc", "<libpq-fe.h>"),
              ElementsAre("listener/main.cc:2: includes libpq, which belongs only in postgres/"));
  for (auto [path, include] : {std::pair{"model/row.cc", "<postgresql/libpq-fe.h>"},
                               {"replication/frame.cc", "<zmq.h>"},
                               {"tests/model/row_test.cc", "<zmq_addon.hpp>"},
                               {"model/row.cc", "<msgpack/pack.hpp>"},
                               {"verifier/oracle.cc", "\"proto/lockstep.pb.h\""},
                               {"replication/follower.cc", "<google/protobuf/message.h>"},
                               {"listener/listener.cc", "<CLI/CLI.hpp>"},
                               {"verifier/judge.cc", "<nlohmann/json.hpp>"},
                               {"replication/pgoutput_decoder.cc", "<simdjson.h>"}}) {
    EXPECT_EQ(ForeignInclude(path, include).size(), 1u) << path << " " << include;
  }
}

TEST(LayoutTest, LinesEndAtColumnHundred) {
  EXPECT_THAT(CheckLayout("a.cc", std::string(100, 'x') + "\n"), IsEmpty());
  EXPECT_THAT(Printed(CheckLayout("a.cc", "\n" + std::string(101, 'x') + "\n")),
              ElementsAre("a.cc:2: longer than 100 columns"));
}

TEST(LayoutTest, ACharacterIsOneColumnHoweverManyBytes) {
  std::string line;
  for (int i = 0; i < 100; ++i) line += "\xc3\xa4";
  EXPECT_THAT(CheckLayout("a.cc", line + "\n"), IsEmpty());
  EXPECT_EQ(CheckLayout("a.cc", line + "x\n").size(), 1u);
}

TEST(LayoutTest, AnAddressMayBeLonger) {
  EXPECT_THAT(CheckLayout("a.cc", "// https://" + std::string(100, 'x') + "\n"), IsEmpty());
}

TEST(LayoutTest, TabsAndTrailingBlanksAreFound) {
  EXPECT_THAT(Printed(CheckLayout("a.cc", "int a;\n\tint b;\nint c; \nint d;\r\n")),
              ElementsAre("a.cc:2: tab", "a.cc:3: blanks at the end of the line",
                          "a.cc:4: blanks at the end of the line"));
}

TEST(LayoutTest, AFileEndsWithANewline) {
  EXPECT_THAT(Printed(CheckLayout("a.cc", "int a;")),
              ElementsAre("a.cc:1: no newline at the end of the file"));
}

TEST(LayoutTest, FilesEndAtLineFiveHundred) {
  std::string text;
  for (int i = 0; i < 800; ++i) text += "x\n";
  EXPECT_THAT(CheckLayout("a.cc", text), IsEmpty());
  EXPECT_THAT(Printed(CheckLayout("a.cc", text + "x\n")), ElementsAre(HasSubstr("801 lines")));
}

std::string Guarded(const std::string& guard) {
  return "// A file.\n#ifndef " + guard + "\n#define " + guard + "\n#endif  // " + guard + "\n";
}

TEST(HeaderGuardTest, IsNamedByItsPath) {
  EXPECT_THAT(CheckHeaderGuard("model/text_form.h", Guarded("LOCKSTEP_MODEL_TEXT_FORM_H_")),
              IsEmpty());
  EXPECT_EQ(CheckHeaderGuard("model/text_form.h", Guarded("LOCKSTEP_MODEL_ROW_H_")).size(), 1u);
  EXPECT_EQ(CheckHeaderGuard("model/text_form.h", "#pragma once\n").size(), 1u);
  EXPECT_THAT(CheckHeaderGuard("model/text_form.cc", ""), IsEmpty());
}

TEST(OpeningCommentTest, HeadersAndSourcesWithoutOneSayWhatTheyAreFor) {
  const Paths paths = {"model/row.h", "model/row.cc", "listener/main.cc"};
  EXPECT_THAT(CheckOpeningComment("model/row.h", "// Rows.\n", paths), IsEmpty());
  EXPECT_EQ(CheckOpeningComment("model/row.h", "#ifndef A\n", paths).size(), 1u);
  EXPECT_THAT(CheckOpeningComment("model/row.cc", "#include <a>\n", paths), IsEmpty());
  EXPECT_EQ(CheckOpeningComment("listener/main.cc", "#include <a>\n", paths).size(), 1u);
  EXPECT_THAT(CheckOpeningComment("tests/model/row_test.cc", "#include <a>\n", paths), IsEmpty());
}

TEST(TestMirrorsTreeTest, ATestHasItsFile) {
  const Paths paths = {"model/row.h", "listener/main.cc", "tests/tidy/rules.h"};
  EXPECT_THAT(CheckTestMirrorsTree("tests/model/row_test.cc", paths), IsEmpty());
  EXPECT_THAT(CheckTestMirrorsTree("tests/listener/main_test.cc", paths), IsEmpty());
  EXPECT_THAT(CheckTestMirrorsTree("tests/tidy/rules_test.cc", paths), IsEmpty());
  EXPECT_THAT(CheckTestMirrorsTree("tests/integration/pipeline_test.cc", paths), IsEmpty());
  EXPECT_THAT(CheckTestMirrorsTree("tests/tidy_test.cc", paths), IsEmpty());
  EXPECT_THAT(CheckTestMirrorsTree("tests/model/row_corruption_test.cc", paths), IsEmpty());
  EXPECT_EQ(CheckTestMirrorsTree("tests/model/my_row_test.cc", paths).size(), 1u);
  EXPECT_EQ(CheckTestMirrorsTree("tests/model/rows_test.cc", paths).size(), 1u);
  EXPECT_EQ(CheckTestMirrorsTree("tests/wire/row_test.cc", paths).size(), 1u);
}

TEST(NoGlobTest, BuildFilesListTheirSources) {
  EXPECT_THAT(Printed(CheckNoGlob("model/BUILD", "cc_library(\n    srcs = glob([\"*.cc\"]),\n)\n")),
              ElementsAre("model/BUILD:2: glob: list the files"));
  EXPECT_THAT(CheckNoGlob("model/BUILD", "# no glob( here\n"), IsEmpty());
}

TEST(CheckFileTest, EachKindOfFileMeetsItsRules) {
  EXPECT_EQ(CheckFile("model/row.h", "#include <zmq.h>\t\n", {}).size(), 4u);
  EXPECT_EQ(CheckFile("model/BUILD", "glob([\"\t\"])\n", {}).size(), 1u);
  EXPECT_THAT(CheckFile("README.md", "glob(\t", {}), IsEmpty());
}

}  // namespace
}  // namespace lockstep::tidy
