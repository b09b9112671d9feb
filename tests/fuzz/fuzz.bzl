"""Fuzz targets: one cc_test that libFuzzer drives with --config=fuzz and that replays its corpus otherwise."""

def _corpus_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        inputs = ctx.files.srcs,
        outputs = [folder],
        # CopyData in hex, one a line -> files of length-prefixed messages, `together` in each; and "input" with
        # hex -> a file of these bytes.
        command = """perl -e '
          use strict;
          my ($folder, $header, $together) = splice(@ARGV, 0, 3);
          my ($input, $count, $files) = ("", 0, 0);
          sub write_file {
            open(my $file, ">:raw", sprintf("%s/%04d", $folder, $files++)) or die;
            print $file $_[0];
          }
          sub flush_input {
            write_file($input) if $count;
            ($input, $count) = ("", 0);
          }
          while (<>) {
            next if /^#/;
            chomp;
            if (s/^input //) { write_file(pack("H*", $_)); next; }
            my $message = pack("H*", $_);
            next if $header && $message !~ /^w/;
            $input .= pack("n/a*", substr($message, $header));
            flush_input() if ++$count == $together;
          }
          flush_input();
        ' "$@" """,
        arguments = [folder.path, str(ctx.attr.header), str(ctx.attr.together)] +
                    [file.path for file in ctx.files.srcs],
        mnemonic = "FuzzCorpus",
    )
    return DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles([folder]))

_corpus = rule(
    implementation = _corpus_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".hex"]),
        "header": attr.int(),
        "together": attr.int(),
    },
)

def fuzz_test(name, srcs, corpus, deps, header = 0, together = 1, local_defines = []):
    """A fuzz target.

    Args:
      name: of the test.
      srcs: define LLVMFuzzerTestOneInput (fuzz_input.h takes the input apart).
      corpus: .hex files: a CopyData message a line, as captured, or "input" and what was found.
      deps: of srcs.
      header: bytes to cut off each message: 25 for the payload of XLogData, and only of that.
      together: messages in one input.
      local_defines: for srcs.
    """
    _corpus(
        name = name + "_corpus",
        srcs = corpus,
        header = header,
        together = together,
    )
    native.cc_test(
        name = name,
        size = "medium",
        srcs = srcs,
        args = ["$(rootpath :{}_corpus)".format(name)],
        data = [":{}_corpus".format(name)],
        linkopts = select({
            "//tests/fuzz:libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        local_defines = local_defines,
        deps = deps + ["//tests/fuzz:fuzz_input"] + select({
            "//tests/fuzz:libfuzzer": [],
            "//conditions:default": ["//tests/fuzz:replay_main"],
        }),
    )

def decoder_fuzz_test(name, plugin, corpus, together = 1):
    """The decoder of an output plugin on hostile payloads.

    Args:
      name: of the test.
      plugin: its name in model::OutputPlugins().
      corpus: as of fuzz_test.
      together: messages in one input; more than 1 where the plugin describes a table before its rows.
    """
    fuzz_test(
        name = name,
        srcs = ["//tests/fuzz:decoder_fuzz.cc"],
        corpus = corpus,
        header = 25,
        together = together,
        local_defines = ['LOCKSTEP_FUZZED_PLUGIN=\\"{}\\"'.format(plugin)],
        deps = [
            "//model:change",
            "//model:relation",
            "//model:row",
            "//model:text_form",
            "//model:type_catalog",
            "//model:value",
            "//replication:decoder",
            "//replication:frames",
            "//replication:make_decoder",
            "//replication:relation_map",
            "//tests/replication:captured_stream",
        ],
    )
