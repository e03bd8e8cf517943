package dev.slipway.app;

import dev.slipway.home.DataDirectory;
import java.net.InetSocketAddress;
import java.util.Optional;

/// How a daemon runs.
///
/// @param listen where the API listens beside its Unix socket
/// @param plainHttp answers unencrypted HTTP on that port too; on a loopback address only
/// @param webhookSecret what hosting providers sign with
/// @param nodePortAddress where NodePort services listen
/// @param containerServices the range of addresses that services have for containers
public record DaemonOptions(
    DataDirectory data,
    Optional<InetSocketAddress> listen,
    boolean plainHttp,
    Optional<String> webhookSecret,
    String nodePortAddress,
    String containerServices) {}
