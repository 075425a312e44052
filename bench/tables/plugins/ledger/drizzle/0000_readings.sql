CREATE TABLE `readings` (
	`id` integer PRIMARY KEY NOT NULL,
	`sensor` text NOT NULL,
	`value` real NOT NULL
);
