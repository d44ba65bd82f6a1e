import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { linkPlugins } from './plugins.ts'
import type { Ports } from './ports.ts'
import type { RabbitServer } from './server-search.ts'

/** What the server prints while its own log is not open yet: the first to read when it does not start. */
export const outputPathOf = (folder: string): string => join(folder, 'log', 'output.log')
export const logPathOf = (folder: string): string => join(folder, 'log', 'rabbit.log')

export const dataPathOf = (folder: string): string => join(folder, 'data')

const nodeName = 'kedafn@localhost'
const logFileBytes = 10_000_000

/** A listener for TLS beside the plain one, for tests: it asks for a certificate, whose common name may be the login. */
export interface TlsListener {
  readonly port: number
  /** Paths of files in PEM form; `ca` signs the clients. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const tlsTerms = ({ port, ca, cert, key }: TlsListener): string => `
    {ssl_listeners, [{"127.0.0.1", ${port}}]},
    {ssl_options, [{cacertfile, "${ca}"}, {certfile, "${cert}"}, {keyfile, "${key}"},
      {verify, verify_peer}, {fail_if_no_peer_cert, true}]},
    {auth_mechanisms, ['PLAIN', 'EXTERNAL']},
    {ssl_cert_login_from, common_name},`

/** What a broker listens to beside AMQP and its management. */
export interface Listeners {
  readonly tls?: TlsListener | undefined
  /** Where it answers `/metrics`. @default nowhere */
  readonly prometheusPort?: number | undefined
}

const prometheusTerms = (port: number): string =>
  `,\n  {rabbitmq_prometheus, [{tcp_config, [{ip, "127.0.0.1"}, {port, ${port}}]}]}`

/**
 * One file of Erlang terms: RabbitMQ reads it in every version, and `quorum_tick_interval` is no key of `rabbitmq.conf`.
 * Both statistics intervals are 1 s instead of 5, so that queue lengths shown to a person are fresh.
 */
const configurationOf = ({ amqp, management }: Ports, { tls, prometheusPort }: Listeners): string => `[
  {rabbit, [${tls ? tlsTerms(tls) : ''}
    {tcp_listeners, [{"127.0.0.1", ${amqp}}]},
    {loopback_users, [<<"guest">>]},
    {collect_statistics_interval, 1000},
    {quorum_tick_interval, 1000},
    {log, [{file, [{level, info}, {size, ${logFileBytes}}, {count, 2}]}]}
  ]},
  {rabbitmq_management, [{tcp_config, [{ip, "127.0.0.1"}, {port, ${management}}]}]}${prometheusPort === undefined ? '' : prometheusTerms(prometheusPort)}
].
`

/**
 * Runs inside the broker once it is up. Stops it in good order when its stdin ends: when this process asks for it, and also when
 * this process is gone, however that came about. Preferred to SIGTERM, on which 3.10 hangs for 6 s: its management waits for a lock
 * that the shutdown holds, hence that handler is taken out first.
 */
const watchOwner = `spawn(fun() ->
  catch supervisor:terminate_child(rabbit_sup, rabbit_epmd_monitor_sup),
  Owner = open_port({fd, 0, 0}, [eof]),
  receive {Owner, eof} ->
    catch gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, stop),
    catch rabbit:stop(),
    erlang:halt(0)
  end
end).`

/**
 * The node has its name and its distribution port from the command line and knows no other node: it needs no `epmd`, which would
 * outlive it and is shared by all Erlang nodes of a machine. A monitor in the broker would start one every minute; it is stopped above.
 */
const erlangArguments = ({ distribution }: Ports): string =>
  [
    `-sname ${nodeName} -start_epmd false -erl_epmd_port ${distribution}`,
    '-kernel inet_dist_use_interface {127,0,0,1}',
  ].join(' ')

/** How the server is started. The folder is on its command line, by which it is known again. */
export const serverArguments = (folder: string): string[] => ['-kedafn', folder, '-eval', watchOwner]

/** Writes what the server reads, all of it in `folder`, and returns its whole environment: nothing of the user's leaks in. */
export function configure(
  folder: string,
  ports: Ports,
  server: RabbitServer,
  listeners: Listeners = {},
): Record<string, string> {
  mkdirSync(join(folder, 'log'), { recursive: true })
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const wanted = [
    'rabbitmq_management',
    ...(listeners.tls ? ['rabbitmq_auth_mechanism_ssl'] : []),
    ...(listeners.prometheusPort === undefined ? [] : ['rabbitmq_prometheus']),
  ]
  const plugins = linkPlugins(server.script, folder, wanted)
  return {
    PATH: server.path,
    // Paths with other letters than ASCII need a UTF-8 locale.
    LC_ALL: process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8',
    // The Erlang cookie is made there.
    HOME: folder,
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_CONFIG_FILE: file('broker.config', configurationOf(ports, listeners)),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins', `[${wanted.join(',')}].\n`),
    ...(plugins === null ? {} : { RABBITMQ_PLUGINS_DIR: plugins }),
    // A system broker's settings would be read otherwise.
    RABBITMQ_CONF_ENV_FILE: file('environment', ''),
    RABBITMQ_CONFIG_FILES: join(folder, 'none'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'none.config'),
    RABBITMQ_MNESIA_BASE: dataPathOf(folder),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: logPathOf(folder),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    // Nothing listens there. It keeps the broker from asking the machine's epmd, if there is one.
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArguments(ports),
    // Makes the start script become the server instead of waiting for it as its parent.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
}
