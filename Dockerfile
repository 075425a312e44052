# The house in a container: the Core (target `core`), or one external service (target `external`), for amd64 and arm64.
# The base has Bun on its PATH and Debian around it (bash, setpriv); any other that does will do: --build-arg BASE=…
ARG BASE=oven/bun:1.4.5-slim

FROM ${BASE} AS packages
WORKDIR /house
COPY package.json bun.lock bunfig.toml ./
COPY core/sdk/package.json core/sdk/
RUN bun install --frozen-lockfile --production --no-progress

FROM ${BASE} AS house
# Nobody's login: a number that no base has to know by name. A volume that is new becomes theirs, too.
RUN install -d -o 1000 -g 1000 -m 700 /data
WORKDIR /house
COPY --from=packages /house/node_modules node_modules
COPY package.json bunfig.toml tsconfig.json ./
COPY scripts/answers-health scripts/
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data HOME=/tmp
VOLUME /data
USER 1000:1000
ENTRYPOINT ["bun"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["/house/scripts/answers-health"]

# docker build --target external --build-arg SERVICE=client-manager-service .
FROM house AS external
ARG SERVICE
COPY external/${SERVICE} external/${SERVICE}
WORKDIR /house/external/${SERVICE}
ENV PORT=8080
EXPOSE 8080
CMD ["main.ts"]

FROM house AS core
COPY . .
ENV PORT=11000
EXPOSE 11000
CMD ["core/main.ts"]
