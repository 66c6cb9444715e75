# A small image of the product: built in one stage, run as an ordinary user in the other.
FROM node:24-bookworm-slim AS build
WORKDIR /baram
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:24-bookworm-slim
ENV NODE_ENV=production BARAM_HOME=/var/lib/baram
WORKDIR /opt/baram
COPY --from=build /baram /opt/baram
RUN mkdir -p /var/lib/baram /dags && chown -R node:node /var/lib/baram /dags
USER node
VOLUME /var/lib/baram
EXPOSE 8080
ENTRYPOINT ["node", "/opt/baram/dist/cli/main.js"]
CMD ["--help"]
