# Lockstep in containers. docker-compose.yaml runs the targets together; README.md says how.
#
#   postgres   a server that can be followed: PostgreSQL of the Debian release POSTGRES_SUITE, with decoderbufs and wal2json
#   build      what the programs are built with (tools/install-packages)
#   runtime    the programs, and the libraries that they need
#
# Packages come from Debian; nothing else is downloaded. The classic builder builds every stage above its target, so the
# cheap one stands first.
ARG POSTGRES_SUITE=bookworm

FROM debian:${POSTGRES_SUITE}-slim AS postgres
# Numbers are fixed: volumes outlive images. Members of `lockstep` may read the passwords that the server makes.
RUN groupadd --gid 5432 postgres && groupadd --gid 10001 lockstep \
 && useradd --uid 5432 --gid postgres --groups lockstep --no-create-home --home-dir /var/lib/postgresql postgres \
 && mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
 && apt-get update -qq \
 && version=$(apt-cache depends postgresql | sed -n 's/^ *Depends: postgresql-\([0-9]\+\)$/\1/p') \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
      "postgresql-$version" "postgresql-$version-decoderbufs" "postgresql-$version-wal2json" \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt /etc/ssl/private/ssl-cert-snakeoil.key \
 && ln -s "$version" /usr/lib/postgresql/current \
 && install -d -o postgres -g postgres -m 0700 /var/lib/lockstep/data \
 && install -d -o postgres -g lockstep -m 2750 /var/lib/lockstep/owner /var/lib/lockstep/listener
ENV PATH=/usr/lib/postgresql/current/bin:$PATH LANG=C.UTF-8 PGHOST=/tmp
COPY docker/postgres /usr/local/bin/lockstep-postgres
USER postgres
VOLUME ["/var/lib/lockstep/data", "/var/lib/lockstep/owner", "/var/lib/lockstep/listener"]
EXPOSE 5432
HEALTHCHECK --interval=1s --timeout=5s --start-period=60s --retries=10 \
  CMD ["pg_isready", "--quiet", "--host=127.0.0.1", "--username=lockstep", "--dbname=lockstep"]
ENTRYPOINT ["/usr/local/bin/lockstep-postgres"]

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY tools/install-packages tools/install-packages
# The slim image has no folder for manual pages, and Java insists on one.
RUN mkdir -p /usr/share/man/man1 && tools/install-packages --build && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY . .
# The packages do not change below; what Bazel leaves behind stays out of the image.
RUN programs='generator applier auditor listener verifier launcher:lockstep' \
 && bazel build --compilation_mode=opt --disk_cache= --noshow_progress --show_result=0 $(printf '//%s ' $programs) \
 && mkdir /out \
 && for program in $programs; do \
      folder=${program%:*}; name=${program#*:}; \
      strip -o "/out/$name" "bazel-bin/$folder/$name" || exit 1; \
    done \
 && bazel clean --expunge

FROM debian:bookworm-slim AS runtime
RUN groupadd --gid 10001 lockstep && useradd --uid 10001 --gid lockstep --no-create-home --home-dir /tmp lockstep \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
      libfmt9 libpq5 libprotobuf32 libsimdjson14 libspdlog1.10 libxxhash0 libzmq5 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt
COPY --from=build /out/ /usr/local/bin/
COPY docker/entrypoint /usr/local/bin/lockstep-entrypoint
# A library that is missing is found here, not in a run.
RUN for program in generator applier auditor listener verifier lockstep; do "$program" --help >/dev/null || exit 1; done
USER lockstep
ENTRYPOINT ["/usr/local/bin/lockstep-entrypoint"]
CMD ["lockstep", "--help"]
