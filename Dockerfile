# One small image with the gateway, the ledger and the load test (which is also the fault proxy).
#
#   docker build -t holdfast:dev .
#   docker build --build-arg RUNTIME_IMAGE=gcr.io/distroless/static-debian12:nonroot -t holdfast:dev .
#
# Dependencies are compiled in a layer of their own that changes with Cargo.lock only. The binaries are
# linked statically: the final image needs nothing, and has nothing, but them.

ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=scratch

FROM ${RUST_IMAGE} AS chef
# The image's own toolchain: rust-toolchain.toml would fetch components that a build does not need.
ENV RUSTUP_TOOLCHAIN=1.95.0 \
    CARGO_PROFILE_RELEASE_DEBUG=false \
    CARGO_PROFILE_RELEASE_STRIP=symbols
RUN cargo install cargo-chef --locked --version 0.1.78 --root /usr/local
WORKDIR /build

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
# Static glibc resolves names from files and DNS by itself; a target of its own keeps the flag away from
# build scripts and macros.
RUN rustc -vV | sed -n 's/^host: //p' > /target
ENV RUSTFLAGS="-C target-feature=+crt-static"
COPY --from=plan /build/recipe.json .
RUN cargo chef cook --release --locked --target "$(cat /target)" \
      --package gateway --package ledger --package loadtest
COPY . .
RUN cargo build --release --locked --target "$(cat /target)" \
      --package gateway --package ledger --package loadtest \
 && install -D -t /image/app "target/$(cat /target)/release/gateway" \
      "target/$(cat /target)/release/ledger" "target/$(cat /target)/release/loadtest" \
 && install -d -o 65532 -g 65532 -m 0750 /image/var/lib/holdfast \
 && install -d -m 1777 /image/tmp \
 && install -d /image/etc \
 && printf 'holdfast:x:65532:65532::/var/lib/holdfast:/sbin/nologin\n' > /image/etc/passwd \
 && printf 'holdfast:x:65532:\n' > /image/etc/group

FROM ${RUNTIME_IMAGE}
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Holdfast" \
      org.opencontainers.image.description="Authorization gateway that stands in while the ledger is away" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The Holdfast authors" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image/ /
USER 65532:65532
WORKDIR /var/lib/holdfast
# 7401 HTTP door, 7411 ISO 8583 door; 7400 for `/app/ledger`.
EXPOSE 7400 7401 7411
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["/app/gateway", "healthcheck"]
ENTRYPOINT ["/app/gateway"]
