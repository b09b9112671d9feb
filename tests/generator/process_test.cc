// The generator program; the test plays the verifier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "model/error.h"
#include "tests/wire/played_verifier.h"
#include "wire/message.h"

namespace lockstep::generator {
namespace {

using ::testing::HasSubstr;

TEST(GeneratorProgram, TheVerifierIsToldOfAWrongOption) {
  for (const auto& [option, reason] :
       {std::pair("--sessions=0", "--sessions is 0"), std::pair("--transactions=many", "many")}) {
    SCOPED_TRACE(option);
    wire::PlayedVerifier verifier("generator");
    verifier.Start(
        {"generator/generator", "--applier=ipc://" + verifier.directory() + "/applier", option});
    const auto failure = verifier.Await<wire::Failure>();
    EXPECT_EQ(failure.process, "generator");
    EXPECT_EQ(failure.error.kind, model::ErrorKind::kUsage);
    EXPECT_THAT(failure.error.message, HasSubstr(reason));
    EXPECT_EQ(verifier.AwaitEnd(), 1) << verifier.Log();
  }
}

}  // namespace
}  // namespace lockstep::generator
