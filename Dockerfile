# The agent for hosts whose mail daemons share their certificate folders with it as a volume.
# docker build -t waxseal . ; docker run -v /etc/waxseal:/etc/waxseal:ro -v waxseal:/var/lib/waxseal waxseal
ARG BASE=debian:12-slim
FROM ${BASE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/waxseal
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
COPY src ./src

FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/waxseal /opt/waxseal
# The pinned runtime; the one of the build image is not in this image.
ENV PATH=/opt/waxseal/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
VOLUME /var/lib/waxseal
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "-e", "fetch('http://127.0.0.1:9780/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/waxseal/src/main.ts"]
CMD ["agent"]
