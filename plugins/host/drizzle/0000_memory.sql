CREATE TABLE `hours` (
	`slot` integer PRIMARY KEY NOT NULL,
	`start` integer NOT NULL,
	`cpuUsageRatio` text,
	`loadOneMinute` text,
	`memoryUsedBytes` text,
	`memoryUsageRatio` text,
	`swapUsedBytes` text,
	`temperatureCelsius` text,
	`diskUsageRatio` text,
	`diskReadBytesPerSecond` text,
	`diskWrittenBytesPerSecond` text,
	`networkReceivedBytesPerSecond` text,
	`networkSentBytesPerSecond` text,
	`coreMemoryBytes` text,
	`coreCpuUsageRatio` text
);
--> statement-breakpoint
CREATE TABLE `minutes` (
	`slot` integer PRIMARY KEY NOT NULL,
	`start` integer NOT NULL,
	`cpuUsageRatio` text,
	`loadOneMinute` text,
	`memoryUsedBytes` text,
	`memoryUsageRatio` text,
	`swapUsedBytes` text,
	`temperatureCelsius` text,
	`diskUsageRatio` text,
	`diskReadBytesPerSecond` text,
	`diskWrittenBytesPerSecond` text,
	`networkReceivedBytesPerSecond` text,
	`networkSentBytesPerSecond` text,
	`coreMemoryBytes` text,
	`coreCpuUsageRatio` text
);
--> statement-breakpoint
CREATE TABLE `samples` (
	`slot` integer PRIMARY KEY NOT NULL,
	`start` integer NOT NULL,
	`samples` text NOT NULL
);
