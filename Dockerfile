# One node of Raftally. docker-compose.yml runs three of them.

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

# The dashboard is built with tools that the image itself does without.
FROM node:24-slim AS page
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY vite.config.ts ./
COPY src ./src
RUN npm run build:dashboard

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY src ./src
COPY --from=page /app/dist/dashboard ./dist/dashboard

# Named volumes take over the owner of the directory that they are mounted on.
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node

# A container is reached from outside or not at all: which ports are published is said by whoever runs it.
ENV RAFTALLY_DATA=/data
ENV RAFTALLY_LISTEN=0.0.0.0:4000
ENV RAFTALLY_LISTEN_PEER=0.0.0.0:4100
EXPOSE 4000 4100

# SIGTERM hands leadership over and finishes what is in flight.
STOPSIGNAL SIGTERM
# Whether the process lives, not whether it has a majority: a partition is no reason to restart a node.
HEALTHCHECK --interval=5s --timeout=4s --start-period=15s --retries=3 \
  CMD ["node", "bin/raftally.js", "health", "--live", "--timeout", "3s"]
# Less memory for young objects than V8 takes by itself: src/base/node-flags.ts.
ENTRYPOINT ["node", "--max-semi-space-size=32", "bin/raftally.js"]
CMD ["serve"]
