# The image of tagbeam: the command, and the worker of Flink and Dataflow (it is Beam's boot program of its own).
#
#   make build                                                # fetches ONNX Runtime, verified, to bin/
#   docker build --tag REGISTRY/tagbeam:VERSION --build-arg VERSION=VERSION .
#
# It runs as nobody in particular, on a root file system that may be read-only (what is written goes to $TMPDIR, /tmp), and starts no shell.
# .ci/rootfs.sh makes the same root file system without Docker, from the same lists: keep the ARGs on one line each.
ARG DEBIAN=bookworm
# The Go of go.mod or newer.
ARG GO=1.26

FROM golang:${GO}-${DEBIAN} AS build
ARG BUILD_PACKAGES="gcc libc6-dev pkg-config libjpeg-dev libwebp-dev"
RUN apt-get update && apt-get install --yes --no-install-recommends ${BUILD_PACKAGES} && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=1 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/tagbeam ./pipeline/tagbeam
# ONNX Runtime 1.30.0 for linux/amd64, as .ci/onnxruntime.sh fetched it (npm's build, or PyPI's): nothing else is let in.
ARG ONNXRUNTIME_SHA256="ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23 c902c70b3003c0e99fada202f37478c515ae9bba7944c2b2abd0017bae0c82ed"
RUN sum=$(sha256sum bin/libonnxruntime.so | cut -d' ' -f1) && case " ${ONNXRUNTIME_SHA256} " in *" $sum "*) ;; *) echo "bin/libonnxruntime.so has sha256 $sum; run make build" >&2; exit 1 ;; esac && \
    cp bin/libonnxruntime.so /out/

FROM debian:${DEBIAN}-slim
ARG RUNTIME_PACKAGES="ca-certificates libjpeg62-turbo libstdc++6 libwebp7 libwebpdemux2"
RUN apt-get update && apt-get install --yes --no-install-recommends ${RUNTIME_PACKAGES} && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/tagbeam /out/libonnxruntime.so /usr/local/bin/
# Beam's Go SDK panics as it starts where its user has no name: one who runs the image as another user has to name that one, too.
ARG PASSWD="tagbeam:x:65532:65532::/nonexistent:/usr/sbin/nologin"
RUN echo "${PASSWD}" >>/etc/passwd
# Where Beam's tools look for the boot program of a worker.
RUN mkdir -p /opt/apache/beam && ln -s /usr/local/bin/tagbeam /opt/apache/beam/boot
USER 65532:65532
ENV TMPDIR=/tmp
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/tagbeam"]
