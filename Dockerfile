# An image of one function, for those who build with Docker. `node build.mjs --image` makes the same without it, from pinned
# packages and byte for byte: docs/howto/images.md compares the two.
#
#   docker build --build-arg FUNCTION=log-consumer --tag kedafn/log-consumer:0.1.0 .

# Any Node.js begins the build, which goes on with the one that package-lock.json pins; that one needs libatomic.
FROM node:22-bookworm-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends binutils libatomic1
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci

# Node without its symbols, what it is linked with, and the licences of that.
RUN set -eu; \
    node=$(ls node_modules/node-linux-*/bin/node); \
    mkdir -p /base/usr/local/bin /base/usr/share/doc/node /base/etc /base/tmp; \
    chmod 1777 /base/tmp; \
    strip -s -o /base/usr/local/bin/node "$node"; \
    cp "${node%/bin/node}/LICENSE" /base/usr/share/doc/node/; \
    ldd "$node" | grep -o '/[^ ]*' | xargs cp --parents --dereference --target-directory /base; \
    cp --parents --target-directory /base /usr/share/doc/libc6/copyright /usr/share/doc/gcc-12-base/copyright \
       /usr/share/common-licenses/GPL-2 /usr/share/common-licenses/GPL-3 /usr/share/common-licenses/LGPL-2.1; \
    printf 'root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/tmp:/none\n' >/base/etc/passwd; \
    printf 'root:x:0:\nnonroot:x:65532:\n' >/base/etc/group; \
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >/base/etc/nsswitch.conf

COPY . .
ARG FUNCTION=log-consumer
RUN node build.mjs "$FUNCTION" && mkdir /app && cp "dist/$FUNCTION/"*.cjs /app/

FROM scratch
COPY --from=build /base /
COPY --from=build /app /app
ENV NODE_ENV=production PATH=/usr/local/bin HOME=/tmp
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/app/function.cjs"]
