"""A listener with one line of its source broken, to see that the verifier notices."""

def mutant_listener(name, source, expression, deps = []):
    """A listener like //listener, except for one source file that sed has changed.

    The changed file is linked into the program itself, so that the linker does not take the original
    from its library.

    Args:
      name: of the program.
      source: the file, by its label.
      expression: of sed. It must change the file.
      deps: what the source includes and //listener:process does not pass on.
    """
    native.genrule(
        name = name + "_source",
        testonly = True,
        srcs = [source],
        outs = [name + "_source.cc"],
        cmd = "sed '%s' $< > $@ && ! cmp -s $< $@" % expression,
    )
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = [
            "//listener:main.cc",
            name + "_source.cc",
        ],
        # The changed file's includes are those of its library.
        features = ["-layering_check"],
        deps = deps + [
            "//listener:identity",
            "//listener:process",
            "//model:error",
            "//postgres:server_waits",
            "//third_party/cli11",
            "//third_party/spdlog",
            "//wire:stop_signal",
            "//wire:watchdog",
        ],
    )
